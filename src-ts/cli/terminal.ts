/** What a person sees: progress and sentences on stderr, results on stdout. */
import { Presets, SingleBar } from 'cli-progress'

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

/** A progress bar on a terminal; a line now and then where stderr is a file or a pipe. */
export class Progress {
  readonly #bar =
    process.stderr.isTTY && !quiet
      ? new SingleBar(
          {
            format: '{title} {bar} {value}/{total}  {note}',
            stream: process.stderr,
            clearOnComplete: true,
            // The bar changes nothing about the terminal that a signal would leave changed.
            linewrap: true,
          },
          Presets.shades_classic,
        )
      : undefined
  #title = ''
  #spoke = performance.now()

  /** Moves the bar of that title; a new title is a new bar. */
  show(title: string, done: number, total: number, note = ''): void {
    if (!this.#bar) return this.#speak(title, done, total, note)
    if (title !== this.#title) {
      this.#bar.stop()
      this.#bar.start(total, done, { title, note })
      this.#title = title
    }
    this.#bar.setTotal(total)
    this.#bar.update(done, { title, note })
    if (done >= total) this.clear()
  }

  /** Takes the bar away. */
  clear(): void {
    this.#bar?.stop()
    this.#title = ''
  }

  #speak(title: string, done: number, total: number, note: string): void {
    const now = performance.now()
    if (now - this.#spoke < PLAIN_INTERVAL) return
    this.#spoke = now
    say(`${title}: ${done}/${total}  ${note}`.trimEnd())
  }
}

/** Files left out, so that none is left out silently. */
export function warnSkipped(skipped: readonly { file: string; reason: string }[]): void {
  if (skipped.length === 0) return
  warn(`${skipped.length} ${skipped.length === 1 ? 'file was' : 'files were'} skipped:`)
  skipped
    .slice(0, 10)
    .forEach(({ file, reason }) => warn(`  ${reason.startsWith(file) ? reason : `${file}: ${reason}`}`))
  if (skipped.length > 10) warn(`  and ${skipped.length - 10} more`)
}
