/** PyTorch beside this package, if there is a Python that has it. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ModelError } from '../errors.js'
import type { Model } from '../model/model.js'
import { runtimeInfo } from '../runtime.js'
import { PYTORCH_PROGRAM } from './pytorchProgram.js'

/** What it is asked to do. */
export interface PyTorchOrder {
  work: 'test' | 'train'
  /** Whether files are decoded while time is taken, or before. */
  decode: boolean
  /** Numbers of the files of each batch. */
  batches: readonly (readonly number[])[]
  /** Whether a test tells the logits of its first batch. */
  logits?: boolean
}

/** What it answers. */
export interface PyTorchAnswer {
  seconds: number
  /** Logits of the first batch, or the loss of the first step. */
  first: readonly number[] | number | null
}

/** A process of Python that has the paper's network. */
export interface PyTorch {
  version: string
  run: (order: PyTorchOrder) => Promise<PyTorchAnswer>
  end: () => Promise<void>
}

/**
 * Starts Python (`JPEGNET_PYTHON`, or `python3`) with a model's weights and files.
 *
 * @returns what runs there, or why nothing does
 * @throws ModelError `INTERNAL` if its program breaks off
 */
export async function startPyTorch(
  model: Model,
  { files, labels }: { files: readonly string[]; labels: readonly number[] },
): Promise<PyTorch | string> {
  const folder = await mkdtemp(join(tmpdir(), 'jpegnet-pytorch-'))
  const [weights, given, program] = ['weights.safetensors', 'given.json', 'paper.py'].map(name => join(folder, name))
  const { channels, mean, std } = model.definition.input
  await model.save(weights as string)
  await writeFile(
    given as string,
    JSON.stringify({ files, labels, channels, mean, std, threads: runtimeInfo().threads }),
  )
  await writeFile(program as string, PYTORCH_PROGRAM)
  const python = process.env['JPEGNET_PYTHON'] ?? 'python3'
  const child = spawn(python, [program, weights, given] as string[], { stdio: ['pipe', 'pipe', 'pipe'] })
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said = (said + text.toString()).slice(-2000)))
  // Writing to one that has ended is told by the answer that does not come.
  child.stdin.on('error', () => undefined)
  const failed = new Promise<undefined>(resolve =>
    child.once('error', error => ((said = error.message), resolve(undefined))),
  )
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<Record<string, unknown> | undefined> => {
    const line = await Promise.race([lines.next(), failed])
    return line?.done === false ? (JSON.parse(line.value) as Record<string, unknown>) : undefined
  }
  const end = async () => {
    child.stdin.end()
    await Promise.race([ended, failed])
    await rm(folder, { recursive: true, force: true })
  }
  const hello = await answer()
  if (typeof hello?.['torch'] !== 'string') {
    await end()
    const why = typeof hello?.['missing'] === 'string' ? `${python} has no ${hello['missing']}` : lastLine(said)
    return `PyTorch is not compared: ${why}`
  }
  return {
    version: hello['torch'],
    async run(order) {
      child.stdin.write(`${JSON.stringify(order)}\n`)
      const found = await answer()
      if (found === undefined) {
        const message = `PyTorch: expected an answer, found that its program ended: ${lastLine(said)}`
        throw new ModelError('INTERNAL', message, { path: 'PyTorch', expected: 'an answer', found: lastLine(said) })
      }
      return found as unknown as PyTorchAnswer
    },
    end,
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'it said nothing'
}
