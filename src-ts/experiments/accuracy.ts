/** Accuracy in fewer frequencies, in every way. */
import { MODE_KEYS, MODES } from '../model/approximations.js'
import { linesChart } from '../report/charts.js'
import type { Findings, Row } from './experiment.js'
import type { PublishedAccuracy } from './published.js'
import { meanOf, valuesOf, where } from './rows.js'

/** Accuracy against φ, a curve a mode: means over the seeds, with the smallest and the largest; beside the paper's, if it has any. */
export function accuracyFindings(
  rows: readonly Row[],
  text: readonly string[],
  published?: PublishedAccuracy,
): Findings {
  const frequencies = valuesOf<number>(rows, 'frequencies').sort((a, b) => a - b)
  const curves = MODE_KEYS.map(mode => ({
    name: MODES[mode],
    points: frequencies.map(x => ({ x, y: 100 * meanOf(where(rows, { mode, frequencies: x }), 'accuracy') })),
  }))
  const paper = (['asm', 'apx'] as const).flatMap(mode => {
    if (!published) return []
    const points = published[mode].map((accuracy, index) => ({ x: index + 1, y: 100 * accuracy }))
    return [{ name: `${MODES[mode]}, paper`, beside: MODES[mode], points }]
  })
  return {
    text,
    figures: [
      {
        name: 'accuracy',
        caption: 'Test accuracy against φ, means over the seeds',
        svg: linesChart('test accuracy against φ', { x: 'φ', y: 'accuracy, %', differences: true }, [
          ...curves,
          ...paper,
        ]),
      },
    ],
    tables: [
      {
        caption: 'Test accuracy in per cent',
        head: ['φ', ...curves.map(({ name }) => name), ...paper.map(({ name }) => name)],
        rows: frequencies.map(x => [
          x,
          ...MODE_KEYS.map(mode => ofSeeds(where(rows, { mode, frequencies: x }))),
          ...paper.map(({ points }) => points.find(point => point.x === x)?.y.toFixed(1) ?? ''),
        ]),
      },
    ],
  }
}

/** A mean, with the least and the most if there are several. */
function ofSeeds(rows: readonly Row[]): string {
  const values = rows.map(row => 100 * Number(row['accuracy']))
  const [mean, least, most] = [100 * meanOf(rows, 'accuracy'), Math.min(...values), Math.max(...values)]
  return least === most ? mean.toFixed(2) : `${mean.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
}
