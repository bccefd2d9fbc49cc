/** A training as one self-contained page. */
import type { Evaluation } from '../model/evaluate.js'
import type { Model } from '../model/model.js'
import { runtimeInfo } from '../runtime.js'
import type { StartEvent, StepEvent } from '../train/events.js'
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
      'Loss of each step (line, smoothed) and of the test set after each epoch (dots)',
      lossChart(steps, history, start.stepsPerEpoch),
    ),
    figure('Accuracy in training (blue) and on the test set (orange)', accuracyChart(history)),
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
            figure('Rows: what it is. Columns: what the network said.', confusionChart(evaluation.confusion, labels)),
          ),
        ]
      : []),
    ...(pictures.length > 0 ? [section('Pictures', paragraph(PICTURES), await gallery(pictures))] : []),
    section('Figures', facts(figures(options))),
  ]
  return page(title, sections)
}

const PICTURES =
  'Each picture beside its non-zero luminance coefficients as the file holds them, block by block, the mean of a block at its top left; orange is positive, blue negative. Mistakes come first.'

/** A name and its value, or a value and its name. */
type Row = [string, string]

function figures({ model, start, evaluation }: ReportOptions): Row[] {
  const { isa, threads, version } = runtimeInfo()
  const { name, input } = model.definition
  const { settings, history } = model.training ?? {}
  const last = history?.at(-1)
  const rows: Row[] = [
    ['network', `${name}, input ${input.channels}×${input.height}×${input.width}`],
    ['training files', grouped(start.images)],
    ['bytes an image in memory, sparse', grouped(start.dataBytes / start.images)],
    ['bytes an image as 8-bit pixels', grouped(input.channels * input.height * input.width)],
    ['files left out', grouped(start.skipped.length)],
  ]
  if (last) rows.push(['last epoch', `loss ${last.loss.toFixed(4)}, ${last.seconds.toFixed(1)} s`])
  if (evaluation) rows.push(['test loss', evaluation.loss.toFixed(4)])
  if (settings) {
    rows.push(['epochs, batch size, seed', `${settings.epochs}, ${settings.batchSize}, ${settings.seed}`])
    rows.push(['optimizer', JSON.stringify(settings.optimizer)])
    rows.push(['schedule', JSON.stringify(settings.schedule)])
  }
  rows.push(['runtime', `jpegnet ${version}, ${isa}, ${threads} threads, Node ${process.versions.node}`])
  return rows
}

function figure(caption: string, content: string): string {
  return `<figure><figcaption>${caption}</figcaption>${content}</figure>`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

function grouped(value: number): string {
  return Math.round(value).toLocaleString('en')
}
