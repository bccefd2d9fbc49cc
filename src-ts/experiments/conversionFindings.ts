/** What the experiment `conversion` found, drawn. */
import { linesChart } from '../report/charts.js'
import type { Findings, Row } from './experiment.js'
import { PUBLISHED_CONVERSIONS } from './published.js'
import { meanOf, valuesOf, where } from './rows.js'

/** A table of accuracies beside the paper's, and how far logits are apart. */
export function conversionFindings(all: readonly Row[]): Findings {
  const rows = where(all, { what: 'accuracy' })
  const deviations = where(all, { what: 'deviations' })
  const curve = (seed: number) => ({
    name: `seed ${seed}`,
    points: where(deviations, { seed }).map(row => ({
      x: Math.log10(Number(row['deviation'])),
      y: 100 * Number(row['share']),
    })),
  })
  const per = (share: number) => (100 * share).toFixed(1)
  return {
    text: [
      "The paper's network learns in all frequencies, which is to learn from pixels: every step is the same map. Before conversion it is a network on pixels in ONNX, run by ONNX Runtime on the test files' pixels in float32, upsampled as libjpeg does and not rounded. Its weights, a file with PyTorch's names, are then converted and run here, on the files' coefficients. A deviation is the difference of a logit.",
      'The paper compressed its images without loss, trained 100 networks for each kind of data, and has one deviation for all of a kind.',
    ],
    figures: [
      {
        name: 'deviations',
        caption: 'How far logits are apart: powers of ten, shares of all logits',
        svg: linesChart(
          'how far logits are apart',
          { x: 'deviation up to, power of ten', y: 'of the logits, %' },
          valuesOf<number>(deviations, 'seed').slice(0, SEEDS).map(curve),
        ),
      },
    ],
    tables: [
      {
        caption: 'Accuracy in per cent, and deviations',
        head: [
          'seed',
          'images',
          'before',
          'after',
          'same class',
          'mean deviation',
          'largest deviation',
          'largest logit',
        ],
        rows: [
          ...rows.map(row => [Number(row['seed']), ...cells(column => Number(row[column]))]),
          ['mean', ...cells(column => meanOf(rows, column))],
        ],
      },
      {
        caption: "The paper's",
        head: ['data', 'before', 'after', 'deviation'],
        rows: PUBLISHED_CONVERSIONS.map(({ data, before, after, deviation }) => [
          data,
          per(before),
          per(after),
          deviation.toExponential(1),
        ]),
      },
    ],
  }
}

/** Seeds whose deviations are drawn, at most. */
const SEEDS = 4

/** Cells of a line, of what columns say. */
function cells(of: (column: string) => number): string[] {
  return [
    of('images').toFixed(0),
    ...['before', 'after', 'same'].map(column => (100 * of(column)).toFixed(2)),
    ...['meanDeviation', 'largestDeviation'].map(column => of(column).toExponential(1)),
    of('largestLogit').toFixed(1),
  ]
}
