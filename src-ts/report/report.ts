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
  /** Throughput of inference from files, if it was measured. */
  inference?: { imagesPerSecond: number } | undefined
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
  const { title, model, start, steps, evaluation, inference, pictures = [] } = options
  const history = model.training?.history ?? []
  const last = history.at(-1)
  const labels = model.labels ?? Array.from({ length: model.classes }, (_, index) => String(index))

  const numbers: [string, string][] = [
    ...(evaluation
      ? ([[percent(evaluation.accuracy), `of ${grouped(evaluation.images)} unseen files right`]] as const)
      : []),
    ...(last ? ([[grouped(last.imagesPerSecond), 'images a second, training']] as const) : []),
    ...(inference ? ([[grouped(inference.imagesPerSecond), 'files a second, to answers']] as const) : []),
    [grouped(model.parameterCount), 'parameters'],
  ].map(([value, name]) => [value as string, name as string])

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

function figures({ model, start, inference, evaluation }: ReportOptions): [string, string][] {
  const { isa, threads, version } = runtimeInfo()
  const { name, input } = model.definition
  const training = model.training
  const last = training?.history.at(-1)
  const settings = training?.settings
  return [
    ['network', `${name}, input ${input.channels}×${input.height}×${input.width}`],
    ['training files', grouped(start.images)],
    ['bytes an image in memory, sparse', grouped(start.dataBytes / start.images)],
    ['bytes an image as 8-bit pixels', grouped(input.channels * input.height * input.width)],
    ['files left out', grouped(start.skipped.length)],
    ...(last
      ? ([
          [
            'last epoch',
            `loss ${last.loss.toFixed(4)}, ${last.seconds.toFixed(1)} s, ${grouped(last.imagesPerSecond)} images/s`,
          ],
        ] as [string, string][])
      : []),
    ...(evaluation ? ([['test loss', evaluation.loss.toFixed(4)]] as [string, string][]) : []),
    ...(inference
      ? ([['inference from files', `${grouped(inference.imagesPerSecond)} images/s`]] as [string, string][])
      : []),
    ...(settings
      ? ([
          ['epochs, batch size, seed', `${settings.epochs}, ${settings.batchSize}, ${settings.seed}`],
          ['optimizer', JSON.stringify(settings.optimizer)],
          ['schedule', JSON.stringify(settings.schedule)],
        ] as [string, string][])
      : []),
    ['runtime', `jpegnet ${version}, ${isa}, ${threads} threads, Node ${process.versions.node}`],
  ]
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
