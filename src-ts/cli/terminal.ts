/** What a person sees: progress and sentences on stderr, results on stdout. */
import { Presets, SingleBar } from 'cli-progress'

/** One line of a result: JSON if asked for, else text. */
export function printResult(json: boolean, value: unknown, text: string): void {
  process.stdout.write(`${json ? JSON.stringify(value) : text}\n`)
}

/** A sentence for the person. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** A progress bar on a terminal; nothing where stderr is a file or a pipe. */
export class Progress {
  readonly #bar = process.stderr.isTTY
    ? new SingleBar(
        {
          format: '{title} {bar} {value}/{total}  {note}',
          stream: process.stderr,
          hideCursor: true,
          clearOnComplete: true,
        },
        Presets.shades_classic,
      )
    : undefined
  #title = ''

  /** Moves the bar of that title; a new title is a new bar. */
  show(title: string, done: number, total: number, note = ''): void {
    if (!this.#bar) return
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
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

export function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** Files left out, so that none is left out silently. */
export function saySkipped(skipped: readonly { file: string; reason: string }[]): void {
  if (skipped.length === 0) return
  say(`${skipped.length} ${skipped.length === 1 ? 'file was' : 'files were'} skipped:`)
  skipped
    .slice(0, 10)
    .forEach(({ file, reason }) => say(`  ${reason.startsWith(file) ? reason : `${file}: ${reason}`}`))
  if (skipped.length > 10) say(`  and ${skipped.length - 10} more`)
}
