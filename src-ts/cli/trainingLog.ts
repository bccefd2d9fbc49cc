/** A training's log: a row an epoch as CSV, or an object an epoch and a step as JSON lines, written as they happen. */
import { open, readFile, type FileHandle } from 'node:fs/promises'
import { csvLine, type Cell } from '../csv.js'
import { mismatch } from '../errors.js'
import { writeWhole } from '../files.js'
import type { EpochEvent, StartEvent, StepEvent, TrainEvent } from '../index.js'
import { outputFile } from './output.js'
import { warn } from './terminal.js'

const COLUMNS = [
  'epoch',
  'step',
  'time',
  'seconds',
  'learning_rate',
  'loss',
  'accuracy',
  'images_per_second',
  'test_loss',
  'test_accuracy',
  'best_epoch',
] as const

/** What is told of the training whose log it is. */
interface TrainingLogOptions {
  resume?: string
  from?: string
  test?: string
  force?: boolean
}

/**
 * Appends to a log, each row flushed to the disk before the training goes on. A log that cannot be written any more is said to
 * be so once: the training is worth more than it.
 */
export class TrainingLog {
  readonly #path: string
  readonly #kind: 'csv' | 'lines'
  #file: FileHandle | undefined
  #step = 0
  #failed = false

  private constructor(path: string, kind: 'csv' | 'lines') {
    this.#path = path
    this.#kind = kind
  }

  /**
   * A log at a path, of the kind that its name says; nothing is written before the training starts. One that is resumed goes
   * on with the log that is there.
   *
   * @throws ModelError `INVALID_OPTION` if its name is of another kind, or a file is there that would be lost; `WRITE_FAILED`
   */
  static async open(
    path: string,
    data: string,
    { resume, from, test, force }: TrainingLogOptions,
  ): Promise<TrainingLog> {
    const kind = await outputFile(path, ['csv', 'lines'], {
      option: '--log',
      inputs: [data, resume, from, test],
      resumed: resume === undefined ? undefined : path,
      force,
    })
    const log = new TrainingLog(path, kind)
    if (resume !== undefined) await log.#rows()
    return log
  }

  /** Writes what belongs into it of an event. */
  async add(event: TrainEvent): Promise<void> {
    if (this.#failed) return
    try {
      if (event.type === 'start') await this.#begin(event)
      if (event.type === 'step') await this.#addStep(event)
      if (event.type === 'epoch') await this.#addEpoch(event)
    } catch (error) {
      this.#failed = true
      process.exitCode = 1
      const why = error instanceof Error ? error.message : String(error)
      warn(`${this.#path}: expected to write the log, found ${why}; the training goes on without it`)
    }
  }

  async close(): Promise<void> {
    await this.#file?.close().catch(() => undefined)
    this.#file = undefined
  }

  /** Leaves rows of epochs that were done before; those that come again, and what a killed process wrote in part, go. */
  async #begin({ epochsDone, stepsDone }: StartEvent): Promise<void> {
    this.#step = stepsDone
    const kept =
      epochsDone + stepsDone > 0 ? (await this.#rows()).filter(row => this.#isBefore(row, epochsDone, stepsDone)) : []
    const lines = [...(this.#kind === 'csv' ? [csvLine(COLUMNS)] : []), ...kept]
    await writeWhole(this.#path, lines.map(line => `${line}\n`).join(''))
    this.#file = await open(this.#path, 'a')
  }

  #isBefore(row: string, epochs: number, steps: number): boolean {
    if (this.#kind === 'csv') return Number(row.split(',')[0]) <= epochs
    const { type, epoch, step } = JSON.parse(row) as { type: string; epoch: number; step: number }
    return type === 'step' ? step <= steps : epoch <= epochs
  }

  /** Whole rows that are there. */
  async #rows(): Promise<string[]> {
    const text = await readFile(this.#path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return ''
      throw mismatch('WRITE_FAILED', this.#path, 'a log that can be read and written', cause.message)
    })
    if (text === '') return []
    const lines = text.split('\n').slice(0, -1)
    const [first = text] = lines
    const isLog = this.#kind === 'csv' ? first === csvLine(COLUMNS) : isRow(first)
    if (!isLog)
      throw mismatch('INVALID_OPTION', '--log', 'no file, or the log of a training', `${this.#path}, another file`)
    return this.#kind === 'csv' ? lines.slice(1) : lines.filter(isRow)
  }

  async #addStep({ epoch, loss, accuracy, learningRate, gradientNorm, imagesPerSecond }: StepEvent): Promise<void> {
    this.#step += 1
    if (this.#kind === 'csv') return
    const row = { type: 'step', epoch, step: this.#step, loss, accuracy, learningRate, gradientNorm, imagesPerSecond }
    await this.#file?.write(`${JSON.stringify(row)}\n`)
  }

  async #addEpoch(event: EpochEvent): Promise<void> {
    const { epoch, loss, accuracy, seconds, imagesPerSecond, learningRate, test, best } = event
    const [step, time] = [this.#step, new Date().toISOString()]
    const tested = test && { images: test.images, correct: test.correct, accuracy: test.accuracy, loss: test.loss }
    const row: Record<(typeof COLUMNS)[number], Cell> = {
      epoch,
      step,
      time,
      seconds,
      learning_rate: learningRate,
      loss,
      accuracy,
      images_per_second: imagesPerSecond,
      test_loss: test?.loss,
      test_accuracy: test?.accuracy,
      best_epoch: best?.epoch,
    }
    const text =
      this.#kind === 'csv'
        ? csvLine(COLUMNS.map(column => row[column]))
        : JSON.stringify({
            ...{ type: 'epoch', epoch, step, time, seconds, learningRate, loss, accuracy, imagesPerSecond },
            ...(tested && { test: tested }),
            ...(best && { best }),
          })
    await this.#file?.write(`${text}\n`)
    await this.#file?.datasync()
  }
}

function isRow(line: string): boolean {
  try {
    return ['step', 'epoch'].includes((JSON.parse(line) as { type: string }).type)
  } catch {
    return false
  }
}
