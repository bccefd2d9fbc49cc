/** Runs the `jpegnet` command as a user does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Outcome {
  /** Nothing if a signal ended it. */
  code: number | null
  signal: NodeJS.Signals | null
  /** One entry a line of stdout. */
  lines: string[]
  /** Each line of stdout read as JSON, if all are. */
  json: Record<string, unknown>[]
  stderr: string
}

interface RunOptions {
  /** What it reads on stdin. */
  input?: string
  /** Sends the signal, once, as soon as stdout matches. */
  interrupt?: RegExp
  /** Sends the signal, once, as soon as stderr matches. */
  interruptAgain?: RegExp
  /** SIGINT unless given. */
  signal?: NodeJS.Signals
  env?: Record<string, string>
}

/** Runs the command to its end. */
export async function jpegnet(args: readonly string[], { env, input, ...options }: RunOptions = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [COMMAND, ...args], { env: { ...process.env, ...env } })
  if (input !== undefined) child.stdin.end(input)
  return finished(child, options)
}

/** Runs the command in a folder. */
export async function inFolder(cwd: string, args: readonly string[]): Promise<Outcome> {
  return finished(spawn(process.execPath, [COMMAND, ...args], { cwd }))
}

/** Runs a line of bash, in which `"$@"` is the command with these arguments. */
export async function inShell(line: string, args: readonly string[]): Promise<Outcome> {
  return finished(spawn('bash', ['-c', line, 'bash', process.execPath, COMMAND, ...args]))
}

async function finished(child: ReturnType<typeof spawn>, options: RunOptions = {}): Promise<Outcome> {
  const output = { stdout: '', stderr: '' }
  const signalAt = (stream: 'stdout' | 'stderr', pattern: RegExp | undefined) => {
    let waiting = pattern
    child[stream]?.on('data', (text: Buffer) => {
      output[stream] += text.toString()
      if (waiting?.test(output[stream]) && child.kill(options.signal ?? 'SIGINT')) waiting = undefined
    })
  }
  signalAt('stdout', options.interrupt)
  signalAt('stderr', options.interruptAgain)
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  const { stdout, stderr } = output
  const lines = stdout.split('\n').filter(line => line !== '')
  const json = lines.every(line => line.startsWith('{'))
    ? lines.map(line => JSON.parse(line) as Record<string, unknown>)
    : []
  return { code, signal, lines, json, stderr }
}
