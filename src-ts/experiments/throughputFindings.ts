/** What the experiment `throughput` found, drawn. */
import { barsChart } from '../report/charts.js'
import type { Findings, Row } from './experiment.js'
import { where } from './rows.js'

const TITLES = { test: 'Testing', train: 'Training' } as const

/** Bars and tables of testing and of training. */
export function throughputFindings(rows: readonly Row[]): Findings {
  const rates = rows.filter(row => 'imagesPerSecond' in row)
  const notes = [...new Set(rows.flatMap(row => ('note' in row ? [String(row['note'])] : [])))]
  const nameOf = ({ by, network, decoding }: Row) =>
    [by, ...(network === 'spatial' ? [] : [network]), ...(decoding === 'from memory' ? ['from memory'] : [])].join(', ')
  const of = (work: keyof typeof TITLES) =>
    where(rates, { work }).sort((a, b) => Number(b['imagesPerSecond']) - Number(a['imagesPerSecond']))
  /** The fastest of the spatial networks that decode while they work. */
  const rival = (work: keyof typeof TITLES) =>
    Math.max(
      ...where(rates, { work, network: 'spatial', decoding: 'from files' }).map(row => Number(row['imagesPerSecond'])),
    )
  return {
    text: [
      "The paper's network with initial weights, on files of the training set. Spatial networks decode in the loop, which is what the paper measured, and, for training, also find all pixels decoded in memory, which it did not; networks on coefficients decode their entropy code in the loop, or find a data set in memory, as they do in a training of more than one epoch.",
      'Logits of the first batch, and the loss of the first step, are compared before anything is timed. Rounds alternate between all contenders, after one that warms up; rates are medians.',
      ...notes,
    ],
    figures: (Object.keys(TITLES) as (keyof typeof TITLES)[]).map(work => ({
      name: work,
      caption: `${TITLES[work]}, files a second`,
      svg: barsChart(
        `${TITLES[work]}, files a second`,
        'files a second',
        of(work).map(row => ({
          name: nameOf(row),
          value: Number(row['imagesPerSecond']),
          group: row['network'] === 'spatial' ? 'other' : 'own',
        })),
      ),
    })),
    tables: (Object.keys(TITLES) as (keyof typeof TITLES)[]).map(work => ({
      caption: `${TITLES[work]}, files a second`,
      head: ['by', 'network', 'time is taken', 'median', 'least', 'most', 'against the fastest that decodes'],
      rows: of(work).map(row => [
        String(row['by']),
        String(row['network']),
        String(row['decoding']),
        ...(['imagesPerSecond', 'least', 'most'] as const).map(column => Number(row[column]).toFixed(0)),
        Number.isFinite(rival(work)) ? (Number(row['imagesPerSecond']) / rival(work)).toFixed(2) : '',
      ]),
    })),
  }
}
