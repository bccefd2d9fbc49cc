/** Accuracies as CSV, and in a sentence a mode. */
import { csvOf, type Row } from '../csv.js'
import { preamble, versions, type Circumstances } from '../record.js'
import { entryTitle } from '../train/entries.js'
import type { Run } from './runs.js'

/** A line an epoch of every run. */
export function accuracyCsv(runs: readonly Run[], circumstances: Circumstances, pictures: string): string {
  const rows = runs.flatMap(({ epochs }) =>
    epochs.map(({ entry, seed, epoch, loss, accuracy, testAccuracy }): Row => ({
      program: entry.program,
      mode: entry.mode,
      precision: entry.precision,
      seed: String(seed),
      epoch: String(epoch),
      loss: loss.toFixed(5),
      train_accuracy: accuracy.toFixed(5),
      test_accuracy: testAccuracy.toFixed(4),
    })),
  )
  const made = preamble(circumstances, versions(runs)).map(line => line.replace(/^# /, ''))
  return csvOf([...made, `pictures: ${pictures}`, ...summary(runs)], rows)
}

/** Of every entry, the mean accuracy after the last epoch, and the deviation over seeds. */
export function summary(runs: readonly Run[]): string[] {
  const last = new Map<string, number[]>()
  for (const { epochs } of runs) {
    const end = epochs.at(-1)
    if (!end) continue
    const title = entryTitle(end.entry)
    last.set(title, [...(last.get(title) ?? []), end.testAccuracy])
  }
  return [...last].map(([title, accuracies]) => {
    const mean = accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length
    const squares = accuracies.reduce((sum, value) => sum + (value - mean) ** 2, 0)
    const deviation = Math.sqrt(squares / (accuracies.length - 1))
    const spread = accuracies.length > 1 ? ` ± ${(100 * deviation).toFixed(2)}` : ''
    return `${title}: ${(100 * mean).toFixed(2)}${spread} % of the test files after the last epoch (${accuracies.length} seeds)`
  })
}
