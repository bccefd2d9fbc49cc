/** Accuracy in fewer frequencies, in every way. */
import { MODE_KEYS, MODES } from '../model/approximations.js'
import { linesChart } from '../report/charts.js'
import type { Findings, Row } from './experiment.js'

/** Accuracy against φ, a curve a mode: means over the seeds, with the smallest and the largest. */
export function accuracyFindings(rows: readonly Row[], text: readonly string[]): Findings {
  const curves = MODE_KEYS.map(mode => {
    const own = rows.filter(row => row['mode'] === mode)
    const frequencies = [...new Set(own.map(row => Number(row['frequencies'])))].sort((a, b) => a - b)
    const points = frequencies.map(x => {
      const values = own.filter(row => row['frequencies'] === x).map(row => 100 * Number(row['accuracy']))
      const y = values.reduce((sum, value) => sum + value, 0) / values.length
      return { x, y, least: Math.min(...values), most: Math.max(...values) }
    })
    return { name: MODES[mode], points }
  })
  const cell = (point: { y: number; least: number; most: number } | undefined) => {
    if (!point) return ''
    const { y, least, most } = point
    return least === most ? y.toFixed(2) : `${y.toFixed(2)} (${least.toFixed(2)}–${most.toFixed(2)})`
  }
  return {
    text,
    figures: [
      {
        name: 'accuracy',
        caption: 'Test accuracy against φ, means over the seeds',
        svg: linesChart('test accuracy against φ', { x: 'φ', y: 'accuracy, %' }, curves),
      },
    ],
    tables: [
      {
        caption: 'Test accuracy in per cent',
        head: ['φ', ...curves.map(({ name }) => name)],
        rows: (curves[0]?.points ?? []).map(({ x }) => [
          x,
          ...curves.map(({ points }) => cell(points.find(point => point.x === x))),
        ]),
      },
    ],
  }
}
