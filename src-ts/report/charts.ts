/** Charts as SVG text, drawn by Observable Plot on a document that is not a browser's. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import type { EpochResult, StepEvent } from '../train/events.js'

const ACCENT = 'var(--accent)'
const WARM = 'var(--warm)'

/** How many points a curve of steps keeps at most. */
const POINTS = 240

function svg(title: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const chart = Plot.plot({ document, ...options })
  chart.setAttribute('role', 'img')
  chart.setAttribute('aria-label', title)
  // The class and style that Plot gives every chart would repeat on one page; the page has its own.
  chart.querySelectorAll('style').forEach((style: { remove(): void }) => style.remove())
  return chart.outerHTML
}

const axes = { width: 460, height: 280, marginLeft: 52, style: { background: 'none', fontSize: '12px' } }

/** Loss over the steps of a training, smoothed, on a logarithmic axis; test losses as dots. */
export function lossChart(steps: readonly StepEvent[], history: readonly EpochResult[], stepsPerEpoch: number): string {
  const curve = thinned(steps.map(({ epoch, step, loss }) => ({ at: epoch - 1 + step / stepsPerEpoch, loss })))
  const tested = history.flatMap(({ epoch, test }) => (test ? [{ at: epoch, loss: test.loss }] : []))
  return svg('loss over the epochs', {
    ...axes,
    x: { label: 'epoch', domain: [0, Math.max(1, history.length)] },
    y: { type: 'log', label: 'loss', grid: true, tickFormat: 'g' },
    marks: [
      Plot.line(curve, { x: 'at', y: 'loss', stroke: ACCENT, strokeWidth: 1.5 }),
      Plot.dot(tested, { x: 'at', y: 'loss', fill: WARM, r: 4 }),
    ],
  })
}

/** Accuracy of training (each batch before its update) and of the test set over the epochs. */
export function accuracyChart(history: readonly EpochResult[]): string {
  const series = history.flatMap(({ epoch, accuracy, test }) => [
    { epoch, accuracy: 100 * accuracy, of: 'training' },
    ...(test ? [{ epoch, accuracy: 100 * test.accuracy, of: 'test' }] : []),
  ])
  return svg('accuracy over the epochs', {
    ...axes,
    x: { label: 'epoch', type: 'point', padding: 0.2 },
    y: { label: 'accuracy, %', grid: true, nice: true },
    color: { domain: ['training', 'test'], range: [ACCENT, WARM] },
    marks: [
      Plot.line(series, { x: 'epoch', y: 'accuracy', stroke: 'of', strokeWidth: 1.5 }),
      Plot.dot(series, { x: 'epoch', y: 'accuracy', fill: 'of', r: 4 }),
    ],
  })
}

/** How many pictures of each class were taken for each. */
export function confusionChart(confusion: readonly (readonly number[])[], labels: readonly string[]): string {
  const cells = confusion.flatMap((row, is) => {
    const total = Math.max(
      1,
      row.reduce((sum, count) => sum + count, 0),
    )
    return row.map((count, said) => ({
      is: labels[is],
      said: labels[said],
      count,
      share: count / total,
      right: is === said,
    }))
  })
  const longest = Math.max(...labels.map(label => label.length))
  return svg('confusion matrix', {
    width: 620,
    height: Math.max(240, 90 + 30 * labels.length),
    marginLeft: 30 + 7 * longest,
    marginBottom: 50,
    padding: 0.06,
    style: { background: 'none', fontSize: '12px' },
    x: { label: 'said', domain: [...labels], tickRotate: longest > 4 ? -30 : 0 },
    y: { label: 'is', domain: [...labels] },
    opacity: { type: 'sqrt', domain: [0, 1], range: [0.04, 0.9] },
    marks: [
      Plot.cell(cells, { x: 'said', y: 'is', fill: cell => (cell.right ? ACCENT : WARM), fillOpacity: 'share', rx: 3 }),
      Plot.text(cells, {
        x: 'said',
        y: 'is',
        text: cell => (cell.count === 0 ? '' : String(cell.count)),
        fill: cell => (cell.share > 0.4 ? 'var(--card)' : 'currentColor'),
      }),
    ],
  })
}

/** Means of neighbouring points, at most {@link POINTS} of them. */
function thinned(points: readonly { at: number; loss: number }[]): { at: number; loss: number }[] {
  const size = Math.max(1, Math.ceil(points.length / POINTS))
  const groups = Array.from({ length: Math.ceil(points.length / size) }, (_, group) =>
    points.slice(group * size, (group + 1) * size),
  )
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return groups.map(group => ({ at: mean(group.map(({ at }) => at)), loss: mean(group.map(({ loss }) => loss)) }))
}
