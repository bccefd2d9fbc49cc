/** Checkpoints on disk: when they are due, what is saved when a training fails, and what a process left that was killed while it saved. */
import { access, constants, readdir, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ModelError, mismatch } from '../errors.js'
import { lockFile } from '../files.js'
import type { Network } from '../model/network.js'
import type { TrainingState } from './checkpoint.js'
import type { CheckpointEvent, TrainEvent } from './events.js'
import type { CheckpointOptions } from './options.js'
import { endOf, keptEpoch } from './stopping.js'
import type { Trained } from './trained.js'

/** Saves a training as often as wished, and whatever it ends with. */
export class Checkpoints {
  readonly #options: CheckpointOptions | undefined
  #last: CheckpointEvent | undefined
  /** What there is to lose: nothing before the first step. */
  #unsaved = false
  #failed = false
  #unlock: (() => void) | undefined

  constructor(options: CheckpointOptions | undefined) {
    this.#options = options
  }

  /**
   * Refuses a path before the training rather than after an epoch of it, takes the right to write it, and takes away what killed
   * processes left.
   *
   * @throws ModelError `WRITE_FAILED`; `BUSY` if another training saves there
   */
  async prepare(): Promise<void> {
    if (!this.#options) return
    await checkWritable(this.#options.path)
    this.#unlock = lockFile(this.#options.path)
    await removeLeftovers(this.#options.path)
  }

  /** Lets others save there. */
  release(): void {
    this.#unlock?.()
  }

  /** A step was made, or an epoch ended: something is there that no file has. */
  changed(): void {
    this.#unsaved = true
  }

  /** Saves after a step within an epoch, or after an epoch, if one is due then; tells so. */
  async *saveIfDue(run: Run): AsyncGenerator<CheckpointEvent, void> {
    const { everyEpochs = 1, everySteps } = this.#options ?? {}
    const { unfinished, epoch, step } = run.state
    const dueByEpochs = !unfinished && epoch % everyEpochs === 0
    const dueBySteps = everySteps !== undefined && step % everySteps === 0
    if (dueByEpochs || dueBySteps) yield* this.save(run)
  }

  /** Saves now, if there is a path; tells so. */
  async *save(run: Run): AsyncGenerator<CheckpointEvent, void> {
    const event = await this.#write(run)
    if (event) yield event
  }

  /**
   * Lets a training go its course, and saves what no file has yet whatever it ends with: an error, or a listener that leaves.
   * Weights that led to values that are not finite are of no use: the file of better ones stays.
   */
  async *guard(run: Run, course: AsyncGenerator<TrainEvent, void>): AsyncGenerator<TrainEvent, void> {
    let over = false
    try {
      yield* course
      over = true
    } catch (error) {
      over = true
      if (isNotFinite(error) || this.#failed) throw this.#withLast(error, run.state)
      try {
        yield* this.#saveUnsaved(run)
      } catch (second) {
        throw withMore(error, `; what was learned since could not be saved: ${messageOf(second)}`)
      }
      throw error
    } finally {
      if (!over && !this.#failed) for await (const _ of this.#saveUnsaved(run));
    }
  }

  async *#saveUnsaved(run: Run): AsyncGenerator<CheckpointEvent, void> {
    if (this.#unsaved) yield* this.save(run)
  }

  async #write({ network, state, trainedIn }: Run): Promise<CheckpointEvent | undefined> {
    if (!this.#options) return undefined
    const { path } = this.#options
    const best = keptEpoch(state)
    const { trained } = network
    // The file's model is the best one; steps go on from the others in it.
    if (best) await network.restoreBest()
    network.trained = trainedIn(best?.epoch ?? state.epoch)
    this.#failed = true
    try {
      await network.save(path, { optimizer: true })
    } finally {
      if (best && endOf(state) === undefined) {
        await network.answerWithLatest()
        network.trained = trained
      }
    }
    this.#failed = this.#unsaved = false
    const { epoch, step, unfinished } = state
    this.#last = { type: 'checkpoint', epoch, step, images: unfinished?.images ?? 0, path, ...(best && { best }) }
    return this.#last
  }

  #withLast(error: unknown, { epoch, step }: TrainingState): unknown {
    const saved = this.#last
    const left = saved
      ? `the last checkpoint, ${saved.path}, is of epoch ${placeOf(saved)}`
      : 'no checkpoint was saved before it'
    return withMore(error, ` (in epoch ${epoch + 1}, after ${step} steps of the training); ${left}`)
  }
}

/** A training as far as it has come. */
export interface Run {
  readonly network: Network
  readonly state: TrainingState
  /** What is known of the weights that an epoch left. */
  readonly trainedIn: (epoch: number) => Trained
}

function isNotFinite(error: unknown): boolean {
  return error instanceof ModelError && error.code === 'NOT_FINITE'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The same error that says more; one that is not this package's stays as it is. */
function withMore(error: unknown, more: string): unknown {
  if (!(error instanceof ModelError)) return error
  const { code, message, path, expected, found } = error
  return new ModelError(code, message + more, { path, expected, found, cause: error })
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
