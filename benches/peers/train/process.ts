/** Starts trainings in processes of their own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Conversation, nodeLink, pythonLink, type Link } from '../conversation.js'
import { entryTitle, isPython, type Entry } from './entries.js'
import type { TrainAnswers, TrainOrder } from './orders.js'
import type { Opening } from './sides/side.js'

const run = promisify(execFile)

/** A Python that has what PyTorch's side needs. */
export interface Python {
  path: string
  /** Whether `torch.compile` finds a compiler. */
  compiles: boolean
}

/** That Python, unless there is none or it lacks a package. */
export async function pythonWithTorch(path: string): Promise<Python | undefined> {
  const imports = 'import torch, numpy, safetensors.torch; '
  const runs = (code: string) =>
    run(path, ['-c', imports + code]).then(
      () => true,
      () => false,
    )
  if (!(await runs(''))) return undefined
  return { path, compiles: await runs('torch.compile(lambda x: x + 1)(torch.ones(64))') }
}

/** Whether an entry can be run with that Python. */
export function canRun({ program }: Entry, python: Python | undefined): boolean {
  return !isPython(program) || (python !== undefined && (program !== 'pytorch-compiled' || python.compiles))
}

/**
 * For glibc: memory that a step gave back stays the process's for the next step, which PyTorch's guide to tuning asks of
 * an allocator and which makes its steps a tenth to a fifth shorter. Not where memory is measured.
 */
export const KEEPS_MEMORY = { MALLOC_MMAP_THRESHOLD_: '4294967296', MALLOC_TRIM_THRESHOLD_: '68719476736' }

/** A training's process. */
export class Training extends Conversation<TrainOrder, TrainAnswers> {
  /** What it said when it was begun. */
  readonly opened: TrainAnswers['open']

  private constructor(name: string, link: Link, opened: TrainAnswers['open']) {
    super(name, link)
    this.opened = opened
  }

  /** Begins a training, for its time or its memory; `python` is needed for PyTorch's. */
  static async begin(opening: Opening, python: Python | undefined, measured: 'time' | 'memory'): Promise<Training> {
    const title = `${opening.workload.title}: ${entryTitle(opening)}`
    const link = linkFor(opening, title, python, measured)
    const conversation = new Conversation<TrainOrder, TrainAnswers>(title, link)
    try {
      return new Training(title, link, await conversation.tell({ type: 'open', ...opening }))
    } catch (error) {
      await conversation.end()
      throw error
    }
  }
}

function linkFor(
  { program, threads }: Opening,
  title: string,
  python: Python | undefined,
  measured: 'time' | 'memory',
): Link {
  if (!isPython(program)) return nodeLink(new URL('./contender.js', import.meta.url), threads)
  if (!python) throw new Error(`${title}: expected a Python with PyTorch, found none`)
  return pythonLink(python.path, 'train.pytorch', measured === 'time' ? KEEPS_MEMORY : {})
}
