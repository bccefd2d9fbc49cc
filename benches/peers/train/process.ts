/** Starts trainings in processes of their own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Conversation, nodeLink, pythonLink } from '../conversation.js'
import { entryTitle } from './entries.js'
import type { TrainAnswers, TrainOrder } from './orders.js'
import type { Opening } from './sides/side.js'

const run = promisify(execFile)

/** A Python with PyTorch. */
export interface Python {
  path: string
  torch: string
}

/** What PyTorch needs; nothing if that Python lacks a package, or if there is no such Python. */
export async function pythonWithTorch(path: string): Promise<Python | undefined> {
  const imports = 'import torch, numpy, safetensors.torch; print(torch.__version__)'
  return await run(path, ['-c', imports]).then(
    ({ stdout }) => ({ path, torch: stdout.trim() }),
    () => undefined,
  )
}

/** A training's process. */
export class Training extends Conversation<TrainOrder, TrainAnswers> {
  /** Begins a training; `python` is needed for PyTorch's. */
  static async begin(
    opening: Opening,
    python: Python | undefined,
  ): Promise<Training & { opened: TrainAnswers['open'] }> {
    const title = `${opening.workload.title}: ${entryTitle(opening)}`
    if (opening.program === 'pytorch' && !python)
      throw new Error(`${title}: expected a Python with PyTorch, found none`)
    const link =
      opening.program === 'pytorch'
        ? pythonLink((python as Python).path, 'train.pytorch')
        : nodeLink(new URL('./contender.js', import.meta.url), opening.threads)
    const training = new Training(title, link)
    try {
      return Object.assign(training, { opened: await training.tell({ type: 'open', ...opening }) })
    } catch (error) {
      await training.end()
      throw error
    }
  }
}
