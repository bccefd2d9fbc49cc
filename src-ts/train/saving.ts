/** Checkpoints on disk: when they are due, and what is left behind by a process that was killed while it saved. */
import { access, constants, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ModelError, mismatch } from '../errors.js'
import type { Model } from '../model/model.js'
import type { TrainingState } from './checkpoint.js'
import type { CheckpointEvent } from './events.js'
import type { CheckpointOptions } from './options.js'

/** Saves a model as often as wished. */
export class Checkpoints {
  readonly #options: CheckpointOptions | undefined
  #last: CheckpointEvent | undefined

  constructor(options: CheckpointOptions | undefined) {
    this.#options = options
  }

  /**
   * Refuses a path before the training rather than after an epoch of it, and takes away what killed processes left.
   *
   * @throws ModelError `WRITE_FAILED`
   */
  async prepare(): Promise<void> {
    if (!this.#options) return
    await checkWritable(this.#options.path)
    await removeLeftovers(this.#options.path)
  }

  /** Saves after a step within an epoch, or after an epoch, if one is due then; tells so. */
  async *saveIfDue(model: Model, state: TrainingState): AsyncGenerator<CheckpointEvent, void> {
    const { everyEpochs = 1, everySteps } = this.#options ?? {}
    const dueByEpochs = !state.unfinished && state.epoch % everyEpochs === 0
    const dueBySteps = everySteps !== undefined && state.step % everySteps === 0
    if (dueByEpochs || dueBySteps) yield* this.save(model, state)
  }

  /** Saves now, if there is a path; tells so. */
  async *save(model: Model, { epoch, step, unfinished }: TrainingState): AsyncGenerator<CheckpointEvent, void> {
    if (!this.#options) return
    const { path } = this.#options
    await model.save(path, { optimizer: true })
    this.#last = { type: 'checkpoint', epoch, step, images: unfinished?.images ?? 0, path }
    yield this.#last
  }

  /** A loss that left float32, with where in the training it did and what is left to go on from; other errors as they are. */
  explain(error: unknown, state: TrainingState): unknown {
    if (!(error instanceof ModelError && error.code === 'NOT_FINITE')) return error
    const { message, path, expected, found } = error
    const saved = this.#last
    const left = saved
      ? `the last checkpoint, ${saved.path}, is of epoch ${placeOf(saved)}`
      : 'no checkpoint was saved before it'
    const where = `in epoch ${state.epoch + 1}, after ${state.step} steps of the training`
    return new ModelError('NOT_FINITE', `${message} (${where}); ${left}`, { path, expected, found, cause: error })
  }
}

/** Where in a training a checkpoint lies: `3`, or `4 after step 120`. */
function placeOf({ epoch, step, images }: CheckpointEvent): string {
  return images === 0 ? `${epoch}` : `${epoch + 1} after step ${step}`
}

async function checkWritable(path: string): Promise<void> {
  const folder = dirname(path)
  const refuse = (found: string) => mismatch('WRITE_FAILED', path, 'a file that can be written', found)
  await access(folder, constants.W_OK).catch((cause: NodeJS.ErrnoException) => {
    throw refuse(cause.code === 'ENOENT' ? `no folder ${folder}` : cause.message)
  })
  const there = await stat(path).catch(() => undefined)
  if (there?.isDirectory()) throw refuse('a folder')
}

/** Removes files that were written aside, and never renamed, by processes that are no more. */
async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path)
  const start = `.${basename(path)}.`
  for (const name of await readdir(folder)) {
    if (!name.startsWith(start)) continue
    const [, pid] = /^(\d+)-\d+\.writing$/.exec(name.slice(start.length)) ?? []
    const left = join(folder, name)
    if (pid !== undefined && !(await isWriting(Number(pid), left))) await rm(left, { force: true })
  }
}

/** Whether the process that a file is named after may still be writing it. */
async function isWriting(pid: number, file: string): Promise<boolean> {
  if (pid === process.pid) {
    // In a container the process before had the same number.
    const written = await stat(file).catch(() => undefined)
    return written !== undefined && written.mtimeMs >= Date.now() - 1000 * process.uptime()
  }
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}
