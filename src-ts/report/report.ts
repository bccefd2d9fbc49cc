/** A training as one self-contained page. */
import type { Dataset } from '../data/dataset.js'
import type { Evaluation } from '../model/evaluate.js'
import type { Model } from '../model/model.js'
import { grouped, percent } from '../numbers.js'
import { runtimeInfo } from '../runtime.js'
import type { StartEvent, StepEvent } from '../train/events.js'
import type { TrainSettings } from '../train/settings.js'
import { facts, headline, page, paragraph, section } from './html.js'
import { gallery, type ReportPicture } from './pictures.js'

/** What a report tells of. */
export interface ReportOptions {
  title: string
  /** A model that was trained: its definition, labels, settings and history are told. */
  model: Model
  /** The training's `start` event. */
  start: StartEvent
  /** All of the training's `step` events. */
  steps: readonly StepEvent[]
  /** The pictures it was trained on, not yet disposed of: how sparse they are is told. */
  data?: Dataset | undefined
  /** How the model does on pictures it has not seen. */
  evaluation?: Evaluation | undefined
  /** Pictures to show, with what the network said of them. */
  pictures?: readonly ReportPicture[] | undefined
}

/**
 * One HTML page, with curves, a confusion matrix, pictures with their coefficients, and all figures: no script, no request.
 *
 * @throws ModelError if a picture's file is no longer there or gives no coefficients
 */
export async function trainingReport(options: ReportOptions): Promise<string> {
  // Drawing is a large part of the package that most programs never use.
  const { accuracyChart, confusionChart, lossChart } = await import('./charts.js')
  const { title, model, start, steps, evaluation, pictures = [] } = options
  const history = model.training?.history ?? []
  const last = history.at(-1)
  const labels = model.labels ?? Array.from({ length: model.classes }, (_, index) => String(index))

  const numbers: Row[] = []
  if (evaluation) {
    numbers.push([percent(evaluation.accuracy), `of ${grouped(evaluation.images)} unseen files right`])
    numbers.push([grouped(evaluation.imagesPerSecond), 'files a second, to answers'])
  }
  if (last) numbers.push([grouped(last.imagesPerSecond), 'images a second, training'])
  numbers.push([grouped(model.parameterCount), 'parameters'])

  const charts = [
    figure(
      `Loss ${key('accent')}of the steps, smoothed ${key('warm')}of the test set after each epoch`,
      lossChart(steps, history, start.stepsPerEpoch),
    ),
    figure(
      `Accuracy ${key('accent')}in training, each batch before its update ${key('warm')}on the test set`,
      accuracyChart(history),
    ),
  ]
  const sections = [
    headline(numbers),
    paragraph(
      'Trained on JPEG files without decoding them to pixels: the network reads quantised DCT coefficients and works on them throughout.',
    ),
    section('Training', `<div class="charts">${charts.join('')}</div>`),
    ...(evaluation
      ? [
          section(
            'Confusion',
            `<div class="charts">${figure(
              'Rows: what it is. Columns: what the network said.',
              confusionChart(evaluation.confusion, labels),
            )}${mistakes(evaluation.confusion, labels)}</div>`,
          ),
        ]
      : []),
    ...(pictures.length > 0 ? [section('Pictures', PICTURES, await gallery(pictures))] : []),
    section('Figures', facts(await figures(options))),
  ]
  return page(title, sections)
}

const PICTURES = `<p>Each picture beside its non-zero luminance coefficients as the file holds them: a square is a block of 8×8, its
mean at the top left, higher frequencies to the right and below. ${key('warm')}positive ${key('accent')}negative, stronger
where larger.</p>`

/** A name and its value, or a value and its name. */
type Row = [string, string]

async function figures({ model, start, data, evaluation }: ReportOptions): Promise<Row[]> {
  const { isa, threads, version } = runtimeInfo()
  const { name, input } = model.definition
  const { settings, history } = model.training ?? {}
  const last = history?.at(-1)
  const rows: Row[] = [
    ['network', `${name}, input ${input.channels}×${input.height}×${input.width}`],
    ['training files', grouped(start.images)],
    ['packed in memory', megabytes(start.dataBytes, start.imagesInMemory)],
    ['as 8-bit pixels', megabytes(start.images * input.channels * input.height * input.width, start.images)],
  ]
  if (data) rows.push(['non-zero coefficients a block', (await meanNonZeros(data)).toFixed(2)])
  rows.push(['files left out', grouped(start.skipped.length)])
  if (start.warned.length > 0) rows.push(['damaged files used', grouped(start.warned.length)])
  if (last) rows.push(['last epoch', `loss ${last.loss.toFixed(4)}, ${last.seconds.toFixed(1)} s`])
  if (evaluation) rows.push(['test loss', evaluation.loss.toFixed(4)])
  if (settings) {
    rows.push(['epochs, batch size, seed', `${settings.epochs}, ${settings.batchSize}, ${settings.seed}`])
    rows.push(['optimizer', described(settings.optimizer)])
    rows.push(['schedule', described(settings.schedule)])
    rows.push(...ways(settings).map((way): Row => ['and', way]))
  }
  rows.push(['runtime', `jpegnet ${version}, ${isa}, ${threads} threads, Node ${process.versions.node}`])
  return rows
}

/** What a training did beside its optimizer and schedule, each as a phrase. */
function ways(settings: TrainSettings): string[] {
  const { accumulate, labelSmoothing, clip, freeze, groups, average, earlyStopping } = settings
  return [
    ...(accumulate > 1 ? [`${accumulate} batches a step`] : []),
    ...(labelSmoothing > 0 ? [`labels smoothed by ${labelSmoothing}`] : []),
    ...(clip ? [`gradients clipped by ${clip.norm === undefined ? `value ${clip.value}` : `norm ${clip.norm}`}`] : []),
    ...(freeze.length > 0 ? [`frozen: ${freeze.join(', ')}`] : []),
    ...groups.map(({ layers, ...rates }) => described({ type: layers.join(', '), ...rates })),
    ...(average ? [`weights averaged, decay ${average.decay}`] : []),
    ...(earlyStopping ? [`stopping early, patience ${earlyStopping.patience}, by ${earlyStopping.metric}`] : []),
  ]
}

/** The commonest mistakes. */
function mistakes(confusion: readonly (readonly number[])[], labels: readonly string[]): string {
  const pairs = confusion.flatMap((row, is) =>
    row.map((count, said) => ({ count, what: `${labels[is]} taken for ${labels[said]}`, wrong: is !== said })),
  )
  const made = pairs.filter(({ count, wrong }) => wrong && count > 0).sort((a, b) => b.count - a.count)
  if (made.length === 0) return paragraph('No mistakes.')
  const rows = made.slice(0, MISTAKES).map(({ what, count }): Row => [what, grouped(count)])
  const rest = made.slice(MISTAKES).reduce((sum, { count }) => sum + count, 0)
  return facts([...rows, ...(rest > 0 ? [['all others', grouped(rest)] as Row] : [])])
}

/** How many kinds of mistakes are listed. */
const MISTAKES = 8

/** Mean over all blocks of up to {@link SAMPLE} pictures, spread evenly. */
async function meanNonZeros(data: Dataset): Promise<number> {
  const length = Math.min(SAMPLE, data.length)
  let [blocks, nonZeros] = [0, 0]
  for (let picture = 0; picture < length; picture++) {
    const { components } = await data.describe(Math.floor((picture * data.length) / length))
    blocks += components.reduce((sum, { blocks: [high, wide] }) => sum + high * wide, 0)
    nonZeros += components.reduce((sum, component) => sum + component.nonZeros, 0)
  }
  return nonZeros / blocks
}

const SAMPLE = 1000

/** A patch of a colour that a chart uses. */
function key(colour: 'accent' | 'warm'): string {
  return `<span class="key" style="background: var(--${colour})"></span>`
}

function figure(caption: string, content: string): string {
  return `<figure><figcaption>${caption}</figcaption>${content}</figure>`
}

/** A type and its options. */
function described({ type, ...options }: { type: string }): string {
  const list = Object.entries(options).map(([name, value]) => `${name} ${String(value)}`)
  return [type, ...list].join(', ')
}

function megabytes(bytes: number, images: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB, ${grouped(bytes / images)} bytes an image`
}
