/** What a person sees: progress and sentences on stderr, results on stdout. */
import progress from 'cli-progress'
import { ModelError } from '../errors.js'
import type { JpegWarning } from '../index.js'
import { grouped } from '../numbers.js'

export { duration, grouped as count, percent } from '../numbers.js'

/** Milliseconds between two lines of progress where there is no terminal to draw on. */
const PLAIN_INTERVAL = 10_000

let quiet = false

/** From now on no progress and no remarks. */
export function beQuiet(): void {
  quiet = true
}

/**
 * Text of one line with nothing in it that a terminal would obey: control characters, line ends among them, and marks that change the
 * direction of writing become escapes, as in `\\u001b`. JSON stays JSON of the same value.
 */
export function visible(text: string): string {
  const escape = (character: string) =>
    SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, escape)
}

const SHORT: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** A result: one line of JSON if asked for, else text of one or more lines, whose names are {@link visible} already. */
export function printResult(json: boolean, value: unknown, text: string): void {
  printText(json ? JSON.stringify(value) : text)
}

/** Lines of a result. */
export function printText(text: string): void {
  process.stdout.write(`${text.split('\n').map(visible).join('\n')}\n`)
}

/** A remark for the person. */
export function say(text: string): void {
  if (!quiet) warn(text)
}

/** A sentence that must be seen; one line, whatever is in it. */
export function warn(text: string): void {
  process.stderr.write(`${visible(text)}\n`)
}

/** Why the command failed. */
export function sayError(text: string): void {
  warn(`jpegnet: ${text}`)
}

/** One line for what went wrong; more of it for who looks for its cause. */
export function sayFailure(error: unknown, advice?: string): void {
  const message = error instanceof Error ? error.message : String(error)
  sayError(advice === undefined ? message : `${message}; ${advice}`)
  if (process.env['JPEGNET_DEBUG'] && error instanceof Error) `${error.stack}`.split('\n').forEach(warn)
  if (!(error instanceof ModelError)) warn('This is a bug in jpegnet; JPEGNET_DEBUG=1 shows where.')
}

let readerGoes: (() => void) | undefined

/** Work that must end in order when nobody reads the output any more is told so; `endWithReader` does it otherwise. */
export function whenReaderGoes(listener: (() => void) | undefined): void {
  readerGoes = listener
}

/** Ends the process without a word when whoever reads its output has gone, as in `jpegnet … | head -1`. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (readerGoes) return readerGoes()
      // What a shell reports for the signal that other programs get.
      if (error.code === 'EPIPE') process.exit(141)
      sayError(`the output: expected to be written, found ${error.message}`)
      process.exit(1)
    })
  }
}

/** What a line of progress is made of. */
interface Line {
  title: string
  note: string
  /** Files or steps a second, if their number is not known beforehand. */
  rate: number | undefined
  unknown: boolean
}

/** Progress on a terminal, a bar if the end is known; a line now and then where stderr is a file or a pipe. */
export class Progress {
  readonly #bar =
    process.stderr.isTTY && !quiet
      ? new progress.SingleBar(
          {
            format: (options, { value, total, progress: share }, line: Line) =>
              line.unknown
                ? soFar(value, line)
                : `${line.title} ${progress.Format.BarFormat(share, options)} ${value}/${total}  ${line.note}`,
            stream: process.stderr,
            // Leaves room for what is said beside it on a terminal of 80 columns.
            barsize: 14,
            clearOnComplete: true,
            // The bar changes nothing about the terminal that a signal would leave changed.
            linewrap: true,
          },
          progress.Presets.shades_classic,
        )
      : undefined
  #title = ''
  #spoke = performance.now()
  #first = { done: 0, time: 0 }

  /** Moves the bar of that title; a new title is a new bar. Without a total it is told how many there are so far. */
  show(title: string, done: number, total: number | undefined, note = ''): void {
    const now = performance.now()
    const fresh = title !== this.#title
    if (fresh) this.#first = { done, time: now }
    this.#title = title
    const seconds = (now - this.#first.time) / 1000
    const rate = seconds > 0 ? (done - this.#first.done) / seconds : undefined
    const line: Line = { title, note, rate, unknown: total === undefined }
    if (!this.#bar) return this.#speak(line, done, total)
    if (fresh) {
      this.#bar.stop()
      this.#bar.start(total ?? done, done, line)
    }
    this.#bar.setTotal(total ?? done)
    this.#bar.update(done, line)
    if (total !== undefined && done >= total) this.clear()
  }

  /** Takes the bar away. */
  clear(): void {
    this.#bar?.stop()
    this.#title = ''
  }

  #speak(line: Line, done: number, total: number | undefined): void {
    const now = performance.now()
    if (now - this.#spoke < PLAIN_INTERVAL) return
    this.#spoke = now
    say((total === undefined ? soFar(done, line) : `${line.title}: ${done}/${total}  ${line.note}`).trimEnd())
  }
}

/** How far something has come whose end is not known. */
function soFar(done: number, { title, rate, note }: Line): string {
  return `${title}: ${grouped(done)}${rate === undefined ? '' : `, ${grouped(rate)}/s`}  ${note}`
}

/** Files of one reason from which on they are told in one line. */
const MANY = 4

/** Files left out, so that none is left out silently. Many that are left out for the same reason have one line. */
export function warnSkipped(skipped: readonly { file: string; reason: string }[]): void {
  const groups = new Map<string, string[]>()
  for (const { file, reason } of skipped) groups.set(reason, [...(groups.get(reason) ?? []), file])
  const lines = [...groups].flatMap(([reason, files]) =>
    files.length < MANY
      ? files.map(file => (reason.startsWith(file) ? reason : `${file}: ${reason}`))
      : [`${grouped(files.length)} such as ${files[0]}: ${reason}`],
  )
  warnList('skipped', skipped.length, lines)
}

/** Damaged files that were used, so that none is used silently. */
export function warnOfDamaged(warned: readonly { file: string; warnings: readonly JpegWarning[] }[]): void {
  warnList(
    'used in spite of damage',
    warned.length,
    warned.map(({ file, warnings }) => `${file}: ${warnings.map(({ message }) => message).join('; ')}`),
  )
}

/** How many files, and the first few lines about them. */
function warnList(what: string, files: number, lines: readonly string[]): void {
  if (files === 0) return
  warn(`${grouped(files)} ${files === 1 ? 'file was' : 'files were'} ${what}:`)
  lines.slice(0, 10).forEach(line => warn(`  ${line}`))
  if (lines.length > 10) warn(`  and ${lines.length - 10} more`)
}
