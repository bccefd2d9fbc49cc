/** What a prediction prints or writes of each image: text, a line of JSON, or a row. */
import { csvLine, pathCell, textCell } from '../csv.js'
import { LineFile } from '../files.js'
import type { FailedPicture, PictureAnswer, Prediction } from '../index.js'
import { printLine, printRow } from './lines.js'
import { percent, sayFailure, warn } from './terminal.js'

/** How an answer is told. */
export type AnswerForm = 'text' | 'lines' | 'csv'

/** What is told of an image, and of how many classes. */
interface AnswerOptions {
  form: AnswerForm
  /** The most probable classes that are told. */
  top: number
  /** A file in place of stdout. */
  out?: string | undefined
}

/** Where answers go. */
export class Answers {
  readonly #options: AnswerOptions
  readonly #file: LineFile | undefined
  #told = 0
  #failed = 0

  private constructor(options: AnswerOptions, file: LineFile | undefined) {
    this.#options = options
    this.#file = file
  }

  /** @throws ModelError `WRITE_FAILED` */
  static async open(options: AnswerOptions): Promise<Answers> {
    const { form, top, out } = options
    const answers = new Answers(options, out === undefined ? undefined : LineFile.open(out))
    if (form === 'csv') await answers.#put(csvLine(header(top)))
    return answers
  }

  /** How many images were told of, and how many of them could not be classified. */
  get counts(): { told: number; failed: number } {
    return { told: this.#told, failed: this.#failed }
  }

  /** Tells of one image. Damaged files that were used are named on stderr, and bad ones where text is told. */
  async tell(answer: PictureAnswer): Promise<void> {
    const { form, top } = this.#options
    this.#told += 1
    if (answer.error) {
      this.#failed += 1
      if (form === 'text') return sayFailure(answer.error)
    } else if (answer.warnings.length > 0) {
      const doubts = answer.warnings.map(({ message }) => message).join('; ')
      warn(`${answer.file}: used in spite of damage: ${doubts}`)
    }
    await this.#put(lineOf(answer, form, top))
  }

  /**
   * Puts the file in its place, if there is one.
   *
   * @throws ModelError `WRITE_FAILED`
   */
  async finish(): Promise<void> {
    await this.#file?.finish()
  }

  /** Leaves nothing of a file that is not in its place. */
  discard(): void {
    this.#file?.discard()
  }

  async #put(line: string): Promise<void> {
    if (this.#file) await this.#file.write(line)
    else await (this.#options.form === 'csv' ? printRow : printLine)(line)
  }
}

function lineOf(answer: PictureAnswer, form: AnswerForm, top: number): string {
  switch (form) {
    case 'csv':
      return csvLine(row(answer, top))
    case 'lines':
      return JSON.stringify(answer.error ? ofFailure(answer) : ofTop(answer, top))
    case 'text':
      return answer.error ? answer.error.message : described(answer, top)
  }
}

function ofTop({ file, logits, classes, warnings }: Prediction, top: number) {
  return { file, logits, classes: classes.slice(0, top), warnings }
}

function ofFailure({ file, error: { code, message } }: FailedPicture) {
  return { file, error: { code, message } }
}

function described({ file, classes }: Prediction, top: number): string {
  const best = classes.slice(0, top).map(({ label, probability }) => `${label} ${percent(probability)}`)
  return `${file}: ${best.join(', ')}`
}

/** `file, label, probability, label_2, probability_2, …, error` */
function header(top: number): string[] {
  const columns = Array.from({ length: top }, (_, index) => {
    const end = index === 0 ? '' : `_${index + 1}`
    return [`label${end}`, `probability${end}`]
  })
  return ['file', ...columns.flat(), 'error']
}

function row(answer: PictureAnswer, top: number) {
  const classes = answer.error ? [] : answer.classes
  const cells = Array.from({ length: top }, (_, index) => {
    const { label, probability } = classes[index] ?? {}
    return [label === undefined ? undefined : textCell(label), probability]
  })
  return [pathCell(answer.file), ...cells.flat(), answer.error && textCell(answer.error.message)]
}
