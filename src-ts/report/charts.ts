/** Charts as SVG text, drawn by Observable Plot on a document that is not a browser's. */
import * as Plot from '@observablehq/plot'
import { parseHTML } from 'linkedom'
import { grouped } from '../numbers.js'
import type { EpochResult } from '../train/result.js'
import type { CurvePoint } from './record.js'

const ACCENT = 'var(--accent)'
const WARM = 'var(--warm)'

/** Of curves, one after the other. */
const COLOURS = [ACCENT, WARM, 'var(--right)', 'var(--soft)', 'var(--wrong)', 'var(--ink)']

function svg(title: string, options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const chart = Plot.plot({ document, ...options })
  chart.setAttribute('role', 'img')
  chart.setAttribute('aria-label', title)
  // The class and style that Plot gives every chart would repeat on one page; the page has its own.
  chart.querySelectorAll('style').forEach((style: { remove(): void }) => style.remove())
  return chart.outerHTML
}

const axes = {
  width: 460,
  height: 290,
  marginLeft: 52,
  marginBottom: 42,
  style: { background: 'none', fontSize: '12px' },
}

/** Whole epochs as ticks, no more than fit. */
function epochAxis(last: number) {
  const every = Math.max(1, Math.ceil(last / 10))
  const ticks = Array.from({ length: Math.floor(last / every) + 1 }, (_, index) => index * every)
  return { label: 'epoch', domain: [0, Math.max(1, last)], ticks, tickFormat: 'd' }
}

/** A curve is smoothed over one part in so many of it. */
const SMOOTHED = 24

/** Loss over the steps of a training and its running mean, on a logarithmic axis; test losses as dots. */
export function lossChart(curve: readonly CurvePoint[], history: readonly EpochResult[]): string {
  const tested = history.flatMap(({ epoch, test }) => (test ? [{ at: epoch, loss: test.loss }] : []))
  const before = epochsBefore(curve, history).map(({ epoch, loss }) => ({ at: epoch, loss }))
  const place = { x: 'at', y: 'loss', stroke: ACCENT, strokeWidth: 2 } as const
  const smooth = { k: Math.ceil(curve.length / SMOOTHED) }
  return svg('loss over the epochs', {
    ...axes,
    x: epochAxis(Math.ceil(Math.max(history.length, curve.at(-1)?.at ?? 0))),
    y: { type: 'log', label: 'loss', grid: true, tickFormat: 'g', ticks: 6 },
    marks: [
      Plot.line(curve, { ...place, strokeWidth: 1, strokeOpacity: 0.3 }),
      Plot.line(curve, Plot.windowY(smooth, place)),
      Plot.line(before, place),
      ...(before.length + curve.length === 1
        ? [Plot.dot([...before, ...curve], { ...place, fill: ACCENT, r: 2 })]
        : []),
      Plot.dot(tested, { x: 'at', y: 'loss', fill: WARM, r: history.length > 40 ? 2 : 4 }),
    ],
  })
}

/** Of a training that went on from a checkpoint, the epochs before, whose steps are not known. */
function epochsBefore(curve: readonly CurvePoint[], history: readonly EpochResult[]): EpochResult[] {
  const first = curve[0]?.at ?? Infinity
  return history.filter(({ epoch }) => epoch <= first)
}

/** Accuracy of training (each batch before its update) and of the test set over the epochs; a ring at the one whose weights are kept. */
export function accuracyChart(history: readonly EpochResult[], kept?: number): string {
  const series = history.flatMap(({ epoch, accuracy, test }) => [
    { epoch, accuracy: 100 * accuracy, of: 'training' },
    ...(test ? [{ epoch, accuracy: 100 * test.accuracy, of: 'test' }] : []),
  ])
  const ringed = series.filter(({ epoch, of }) => epoch === kept && of === 'test')
  return svg('accuracy over the epochs', {
    ...axes,
    x: epochAxis(history.length),
    y: { label: 'accuracy, %', grid: true, nice: true },
    color: { domain: ['training', 'test'], range: [ACCENT, WARM] },
    marks: [
      Plot.line(series, { x: 'epoch', y: 'accuracy', z: 'of', stroke: 'of', strokeWidth: 1.5 }),
      Plot.dot(series, { x: 'epoch', y: 'accuracy', fill: 'of', r: history.length > 40 ? 2 : 4 }),
      Plot.dot(ringed, { x: 'epoch', y: 'accuracy', stroke: 'currentColor', strokeWidth: 1.5, r: 7 }),
    ],
  })
}

/** Learning rate over the steps of a training. */
export function learningRateChart(curve: readonly CurvePoint[], history: readonly EpochResult[]): string {
  const before = epochsBefore(curve, history).flatMap(({ epoch, learningRate }) =>
    learningRate === undefined ? [] : [{ at: epoch, learningRate }],
  )
  return svg('learning rate over the epochs', {
    ...axes,
    marginLeft: 64,
    marginTop: 28,
    x: epochAxis(Math.ceil(Math.max(history.length, curve.at(-1)?.at ?? 0))),
    y: { label: 'learning rate', grid: true, zero: true, tickFormat: '~g', ticks: 6 },
    marks: [Plot.line([...before, ...curve], { x: 'at', y: 'learningRate', stroke: ACCENT, strokeWidth: 1.5 })],
  })
}

/** A curve with a name. */
export interface Curve {
  name: string
  points: readonly { x: number; y: number }[]
  /** The curve that this one is to be compared with: it is dashed, in that one's colour. */
  beside?: string
}

/** What axes are of. */
interface AxisLabels {
  x: string
  y: string
  /** Whether differences matter more than how far values are from nothing, which is then left out. */
  differences?: boolean
}

/** Curves over one axis, each in a colour and with a symbol of its own, and the names of all above. */
export function linesChart(title: string, labels: AxisLabels, curves: readonly Curve[]): string {
  const points = curves.flatMap(({ name, points, beside }) =>
    points.map(point => ({ ...point, name, colour: beside ?? name, isDashed: beside !== undefined })),
  )
  const names = curves.flatMap(({ name, beside }) => (beside === undefined ? [name] : []))
  const place = { x: 'x', y: 'y', stroke: 'colour', z: 'name' }
  const whole = points.filter(({ isDashed }) => !isDashed)
  const dashed = points.filter(({ isDashed }) => isDashed)
  const key = keyOf(curves)
  return svg(title, {
    ...axes,
    height: axes.height + key.height,
    marginTop: 20 + key.height,
    marginRight: 20,
    x: { label: labels.x },
    y: { label: labels.y, grid: true, nice: true, zero: !labels.differences },
    color: { domain: names, range: COLOURS, legend: false },
    symbol: { domain: names },
    marks: [
      Plot.line(whole, { ...place, strokeWidth: 1.5 }),
      Plot.dot(whole, { ...place, symbol: 'name', r: 3 }),
      Plot.line(dashed, { ...place, strokeWidth: 1.2, strokeDasharray: DASHES }),
      ...key.marks,
    ],
  })
}

const DASHES = '4 3'

/** Heights of a line of a key, and width of its sample of a curve with the room around it. */
const KEY_LINE = 17
const SAMPLE = 34

/** The names of curves, each after a sample of it, in as many lines as they need. */
function keyOf(curves: readonly Curve[]): { height: number; marks: Plot.Markish[] } {
  const room = axes.width - axes.marginLeft - 20
  let [left, line] = [0, 0]
  const entries = curves.map(({ name, beside }) => {
    const width = SAMPLE + CHARACTER * name.length
    if (left > 0 && left + width > room) [left, line] = [0, line + 1]
    const entry = { name, colour: beside ?? name, isDashed: beside !== undefined, left, line }
    left += width
    return entry
  })
  const height = KEY_LINE * (line + 1)
  const marks = entries.flatMap(entry => {
    const at = { frameAnchor: 'top-left', dx: entry.left, dy: KEY_LINE * entry.line - height } as const
    const sample = entry.isDashed
      ? Plot.text([entry], { ...at, text: () => '– –', fill: 'colour', textAnchor: 'start' })
      : Plot.dot([entry], { ...at, dx: at.dx + 9, dy: at.dy + 5, stroke: 'colour', symbol: 'name', r: 3 })
    return [sample, Plot.text([entry], { ...at, dx: at.dx + 21, text: 'name', fill: 'colour', textAnchor: 'start' })]
  })
  return { height, marks }
}

/** A value with a name; those of `own` stand out. */
export interface Bar {
  name: string
  value: number
  group: 'own' | 'other'
}

/** Horizontal bars, one below the other, each under its name and with its value at its end. */
export function barsChart(title: string, label: string, bars: readonly Bar[]): string {
  const names = bars.map(({ name }) => name)
  return svg(title, {
    ...axes,
    height: 60 + 40 * bars.length,
    marginLeft: 10,
    marginTop: 24,
    marginRight: 52,
    x: { label, grid: true, zero: true, ticks: 4 },
    y: { domain: names, axis: null, padding: 0.55 },
    color: { domain: ['own', 'other'], range: [ACCENT, 'var(--soft)'] },
    marks: [
      Plot.barX(bars, { x: 'value', y: 'name', fill: 'group' }),
      // Above its bar, because names are longer than a phone leaves room for beside it.
      Plot.text(bars, { x: 0, y: 'name', text: 'name', textAnchor: 'start', dy: -16, dx: 1 }),
      Plot.text(bars, {
        x: 'value',
        y: 'name',
        text: ({ value }: Bar) => grouped(value),
        textAnchor: 'start',
        dx: 4,
      }),
      Plot.ruleX([0]),
    ],
  })
}

/** Widths of a cell and of a character of the confusion matrix. */
const CELL = 38
const CHARACTER = 7

/** How many images of each class were taken for each; counts of all classes, in the order of the labels. */
export function confusionChart(confusion: readonly (readonly number[])[], labels: readonly string[]): string {
  const cells = confusion.flatMap((row, is) => {
    const total = Math.max(
      1,
      row.reduce((sum, count) => sum + count, 0),
    )
    return row.map((count, said) => {
      // Rare mistakes would vanish on a linear scale.
      const strength = count === 0 ? 0 : 0.15 + 0.85 * Math.sqrt(count / total)
      return { is, said, count, strength, right: is === said }
    })
  })
  const numbers = labels.map((_, index) => index)
  const longest = CHARACTER * Math.max(...labels.map(label => shortened(label).length))
  // Names too long for their column stand slanted under it.
  const slanted = longest > CELL
  const margin = { left: 34 + longest, bottom: slanted ? 46 + Math.round(longest / 2) : 42, top: 8 }
  const place = { x: 'said', y: 'is' }
  const tickFormat = (index: number) => shortened(labels[index] as string)
  return svg('confusion matrix', {
    width: margin.left + 20 + CELL * labels.length,
    height: margin.top + margin.bottom + 32 * labels.length,
    marginLeft: margin.left,
    marginBottom: margin.bottom,
    marginTop: margin.top,
    padding: 0.08,
    style: { background: 'none', fontSize: '12px' },
    x: {
      type: 'band',
      label: 'said',
      domain: numbers,
      tickFormat,
      tickSize: 0,
      tickRotate: slanted ? -35 : 0,
      labelArrow: 'none',
    },
    y: { type: 'band', label: 'is', domain: numbers, tickFormat, tickSize: 0, labelArrow: 'none' },
    marks: [
      Plot.cell(cells, { ...place, fill: 'var(--line)', fillOpacity: 0.3, rx: 3 }),
      Plot.cell(cells, { ...place, fill: cell => (cell.right ? ACCENT : WARM), fillOpacity: 'strength', rx: 3 }),
      Plot.text(cells, {
        ...place,
        text: cell => (cell.count === 0 ? '' : String(cell.count)),
        fill: cell => (cell.strength > 0.6 ? 'var(--card)' : 'currentColor'),
      }),
    ],
  })
}

/** Longest name of a class beside a matrix. */
const LONGEST_NAME = 24

function shortened(name: string): string {
  return name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name
}

/** Most cells that are drawn of a matrix of many classes. */
const CELLS = 60_000
/** Shares of a row from which a cell is drawn stronger. */
const SHARES = [0, 0.05, 0.2, 0.6]

/** The same of many classes: a square a cell, without names and counts. */
export function confusionMap(confusion: readonly (readonly number[])[]): { svg: string; leftOut: number } {
  const cells = confusion.flatMap((row, is) => {
    const total = row.reduce((sum, count) => sum + count, 0)
    return row.flatMap((count, said) => (count > 0 ? [{ is, said, count, share: count / total }] : []))
  })
  const drawn = cells.length > CELLS ? cells.toSorted((a, b) => b.count - a.count).slice(0, CELLS) : cells
  const paths = new Map<string, string>()
  for (const { is, said, share } of drawn) {
    const level = SHARES.findLastIndex(least => share >= least)
    const attributes = `fill="${is === said ? ACCENT : WARM}" opacity="${((level + 1) / SHARES.length).toFixed(2)}"`
    paths.set(attributes, `${paths.get(attributes) ?? ''}M${said} ${is}h1v1h-1z`)
  }
  const side = confusion.length
  const squares = [...paths].map(([attributes, path]) => `<path ${attributes} d="${path}"/>`).join('')
  const svg = `<svg class="map" viewBox="0 0 ${side} ${side}" role="img" aria-label="confusion matrix">${squares}</svg>`
  return { svg, leftOut: cells.length - drawn.length }
}
