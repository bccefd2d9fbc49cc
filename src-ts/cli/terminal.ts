/** What a person sees: progress and sentences on stderr, results on stdout. */
import progress from 'cli-progress'
import { ModelError } from '../errors.js'
import type { JpegWarning } from '../index.js'
import { grouped } from '../numbers.js'

export { grouped as count, percent } from '../numbers.js'

/** Milliseconds between two lines of progress where there is no terminal to draw on. */
const PLAIN_INTERVAL = 10_000

let quiet = false

/** From now on no progress and no remarks. */
export function beQuiet(): void {
  quiet = true
}

/** One line of a result: JSON if asked for, else text. */
export function printResult(json: boolean, value: unknown, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : text}\n`)
}

/** A remark for the person. */
export function say(text: string): void {
  if (!quiet) warn(text)
}

/** A sentence that must be seen. */
export function warn(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Why the command failed. */
export function sayError(text: string): void {
  warn(`jpegnet: ${text}`)
}

/** One line for what went wrong; more of it for who looks for its cause. */
export function sayFailure(error: unknown): void {
  sayError(error instanceof Error ? error.message : String(error))
  if (process.env['JPEGNET_DEBUG'] && error instanceof Error) warn(`${error.stack}`)
  if (!(error instanceof ModelError)) warn('This is a bug in jpegnet; JPEGNET_DEBUG=1 shows where.')
}

/** Ends the process without a word when whoever reads its output has gone, as in `jpegnet … | head -1`. */
export function endWithReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
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
            barsize: 24,
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

/** Files left out, so that none is left out silently. */
export function warnSkipped(skipped: readonly { file: string; reason: string }[]): void {
  const lines = skipped.map(({ file, reason }) => (reason.startsWith(file) ? reason : `${file}: ${reason}`))
  warnList('skipped', lines)
}

/** Damaged files that were used, so that none is used silently. */
export function warnOfDamaged(warned: readonly { file: string; warnings: readonly JpegWarning[] }[]): void {
  warnList(
    'used in spite of damage',
    warned.map(({ file, warnings }) => `${file}: ${warnings.map(({ message }) => message).join('; ')}`),
  )
}

/** The first few of some files, each with why. */
function warnList(what: string, lines: readonly string[]): void {
  if (lines.length === 0) return
  warn(`${lines.length} ${lines.length === 1 ? 'file was' : 'files were'} ${what}:`)
  lines.slice(0, 10).forEach(line => warn(`  ${line}`))
  if (lines.length > 10) warn(`  and ${lines.length - 10} more`)
}
