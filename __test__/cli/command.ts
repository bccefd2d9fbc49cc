/** Runs the `jpegnet` command as a user does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Outcome {
  code: number | null
  /** One entry a line of stdout. */
  lines: string[]
  /** Each line of stdout read as JSON, if all are. */
  json: Record<string, unknown>[]
  stderr: string
}

/** Runs the command to its end; `interrupt` sends SIGINT when a line of stdout matches. */
export async function jpegnet(args: readonly string[], options: { interrupt?: RegExp } = {}): Promise<Outcome> {
  return finished(spawn(process.execPath, [COMMAND, ...args]), options.interrupt)
}

export async function finished(child: ReturnType<typeof spawn>, interrupt?: RegExp): Promise<Outcome> {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (text: Buffer) => {
    stdout += text.toString()
    if (interrupt?.test(stdout)) child.kill('SIGINT')
  })
  child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  const lines = stdout.split('\n').filter(line => line !== '')
  const json = lines.every(line => line.startsWith('{'))
    ? lines.map(line => JSON.parse(line) as Record<string, unknown>)
    : []
  return { code, lines, json, stderr }
}
