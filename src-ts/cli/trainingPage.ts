/** A training's page, kept up to date while it runs and written at its end, whatever that is. */
import { basename } from 'node:path'
import { writeWhole } from '../files.js'
import { trainingReport, TrainingRecord, type EvaluateProgress, type Model, type TrainEvent } from '../index.js'
import { commandLine } from './commandLine.js'
import { outputFile } from './output.js'
import { say, warn, type Progress } from './terminal.js'
import type { Sets } from './trainingReporter.js'

/** Milliseconds between two pages of a training that runs. */
const INTERVAL = 30_000

/** Files that are read by the training whose page it is. */
interface TrainingPageOptions {
  resume?: string
  from?: string
  test?: string
  force?: boolean
}

/** Draws a training. A page that cannot be written is said to be so: the training is worth more than it. */
export class TrainingPage {
  readonly #path: string
  readonly #record = new TrainingRecord()
  #of: { title: string; model: Model; sets: Sets } | undefined
  #written = performance.now()

  private constructor(path: string) {
    this.#path = path
  }

  /** @throws ModelError `INVALID_OPTION` if its name is no page's, or a file is there that would be lost; `WRITE_FAILED` */
  static async open(
    path: string,
    data: string,
    { resume, from, test, force }: TrainingPageOptions,
  ): Promise<TrainingPage> {
    await outputFile(path, ['page'], {
      option: '--report',
      inputs: [data, test, from, resume],
      lasting: resume === undefined,
      force,
    })
    return new TrainingPage(path)
  }

  /**
   * Says what is trained, on what, and what file the model goes to. Of a model whose training goes on, the best weights so far are
   * tested: a checkpoint has them, but not all that a page shows of their test.
   *
   * @throws ModelError as {@link Model.evaluate}
   */
  async begin(
    model: Model,
    sets: Sets,
    out: string,
    { signal, progress }: { signal: AbortSignal; progress: Progress },
  ): Promise<void> {
    this.#of = { title: `${basename(out)}, trained on ${sets.train.source}`, model, sets }
    const { test } = sets
    if (!test) return
    const onProgress = ({ done, total }: EvaluateProgress) => progress.show('testing the best weights', done, total)
    await this.#record.testBest(model, test, { signal, onProgress })
  }

  /** Takes an event, and draws what is known now if an epoch has ended and the page is old. */
  async add(event: TrainEvent): Promise<void> {
    this.#record.add(event)
    if (event.type === 'epoch' && performance.now() - this.#written > INTERVAL) await this.#write()
  }

  /** Draws all, if the training has begun. */
  async close(): Promise<void> {
    if (this.#record.start && (await this.#write())) say(`wrote ${this.#path}`)
  }

  async #write(): Promise<boolean> {
    if (!this.#of) return false
    const { title, model, sets } = this.#of
    const told = { title, model, record: this.#record, data: sets.train, test: sets.test, command: commandLine() }
    try {
      await writeWhole(this.#path, await trainingReport(told))
      this.#written = performance.now()
      return true
    } catch (error) {
      process.exitCode = 1
      const why = error instanceof Error ? error.message : String(error)
      warn(`${this.#path}: expected to write the page, found ${why}; the model is not touched by that`)
      return false
    }
  }
}
