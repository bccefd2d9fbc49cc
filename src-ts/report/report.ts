/** A training as one self-contained page. */
import { checkedDataset, type Dataset } from '../data/dataset.js'
import { mismatch } from '../errors.js'
import type { Evaluation } from '../model/evaluation.js'
import { modeSentence, ownMode } from '../model/mode.js'
import { checkedModel, type Model } from '../model/model.js'
import { grouped } from '../numbers.js'
import { checkedObject, shown } from '../options.js'
import { checkedEvaluation, evaluationNumbers, evaluationSections } from './evaluation.js'
import { details, facts, figure, headline, key, page, paragraph, section, type Fact } from './html.js'
import { gallery, type ReportPicture } from './pictures.js'
import { keptEpoch } from '../train/stopping.js'
import { TrainingRecord } from './record.js'
import { inputText, settingsFacts, whereItRan } from './settings.js'

/** What a report tells of. */
export interface ReportOptions {
  /** The page's title; the network and what it was trained on by default. */
  title?: string | undefined
  /** A model that was trained: its definition, labels, settings and history are told. */
  model: Model
  /** What the training told. */
  record: TrainingRecord
  /** The images it was trained on, not yet disposed of: how many and how sparse they are is told. */
  data?: Dataset | undefined
  /** The images it was tested on, not yet disposed of: those that it got wrong are shown. */
  test?: Dataset | undefined
  /** How the model does on images it has not seen; what the record knows by default. */
  evaluation?: Evaluation | undefined
  /** Images to show beside their coefficients, with what the network said of them. */
  pictures?: readonly ReportPicture[] | undefined
  /** The command line that repeats it. */
  command?: string | undefined
}

/**
 * One HTML page, with curves, a confusion matrix, scores by class, the images it is most confidently wrong about, and all that it takes
 * to repeat the training: no script, no request. A training that has not ended can be told of too.
 *
 * @throws ModelError if the file of one of `pictures` is no longer there or gives no coefficients
 */
export async function trainingReport(options: ReportOptions): Promise<string> {
  const { record, test, data, pictures = [] } = checkedObject(options, 'trainingReport')
  const model = checkedModel(options.model, 'trainingReport.model')
  if (!(record instanceof TrainingRecord)) {
    throw mismatch('INVALID_OPTION', 'trainingReport.record', 'a TrainingRecord', shown(record))
  }
  if (options.evaluation !== undefined) checkedEvaluation(options.evaluation, 'trainingReport.evaluation')
  for (const [name, set] of Object.entries({ data, test })) {
    if (set !== undefined) checkedDataset(set, `trainingReport.${name}`)
  }
  const tested = testOf(options)
  const history = model.training?.history ?? []
  const last = history.at(-1)
  const { name } = model.definition
  const title = options.title ?? `${name}${data ? `, trained on ${data.source}` : ''}`
  return page(title, [
    headline([
      ...(tested ? evaluationNumbers(tested.evaluation) : []),
      ...(last ? [[grouped(last.imagesPerSecond), 'images a second, training'] as Fact] : []),
      [grouped(model.parameterCount), 'parameters'],
    ]),
    paragraph(
      'JPEG files are decoded no further than their coefficients; of these the network’s first layer makes what it needs.',
    ),
    ...progressText(options, tested?.epoch).map(paragraph),
    section('Training', await charts(record, model, tested?.epoch)),
    ...(tested ? await evaluationSections(tested.evaluation, test) : []),
    ...(pictures.length > 0 ? [section('Pictures', PICTURES, await gallery(pictures))] : []),
    section('How it was run', facts(await figures(options, tested?.evaluation)), allSettings(model)),
  ])
}

/** The epoch whose weights are the model's at the end: the best, if it is kept. */
function keptIn({ training, trained }: Model): number | undefined {
  return (training && keptEpoch(training)?.epoch) ?? trained?.test?.epoch
}

/** How the weights that are kept do on the test set, or, where that is not known, the last ones; with their epoch if that is known. */
function testOf({ evaluation, record, model }: ReportOptions): { epoch?: number; evaluation: Evaluation } | undefined {
  const epoch = keptIn(model)
  if (evaluation) return { ...(epoch !== undefined && { epoch }), evaluation }
  return record.tested(epoch) ?? record.tested()
}

/** How far it came, and which weights are told of. */
function progressText({ model, record }: ReportOptions, tested: number | undefined): string[] {
  const { epoch = 0, settings, unfinished } = model.training ?? {}
  if (!settings) return []
  const kept = keptIn(model)
  const progress =
    record.stop?.reason === 'patience'
      ? [`It ended after epoch ${epoch} of ${settings.epochs}, because tests got no better.`]
      : epoch < settings.epochs
        ? [
            `It had done ${epoch} of ${settings.epochs} epochs${unfinished ? ' and a part of the next' : ''} when this was written.`,
          ]
        : []
  if (tested === undefined || kept === undefined) return progress
  if (tested !== kept) {
    return [
      ...progress,
      `Tests are of the weights after epoch ${tested}; those that are kept are of epoch ${kept}, before it was resumed.`,
    ]
  }
  return kept < epoch
    ? [...progress, `Tests are of the weights after epoch ${kept}, the best on these files, which are kept.`]
    : progress
}

async function charts(record: TrainingRecord, model: Model, kept: number | undefined): Promise<string> {
  // Drawing is a large part of the package that most programs never use.
  const { accuracyChart, learningRateChart, lossChart } = await import('./charts.js')
  const history = model.training?.history ?? []
  const isTested = history.some(({ test }) => test !== undefined)
  const ring = kept === undefined || kept === history.length ? '' : ', ringed where the weights are kept'
  const drawn = [
    ...(record.curve.length > 0 || history.length > 0
      ? [
          figure(
            `Loss ${key('accent')}of the steps, and their running mean${isTested ? ` ${key('warm')}of the test set after each epoch` : ''}`,
            lossChart(record.curve, history),
          ),
        ]
      : []),
    ...(history.length > 0
      ? [
          figure(
            `Accuracy ${key('accent')}in training, each batch before its update${isTested ? ` ${key('warm')}on the test set${ring}` : ''}`,
            accuracyChart(history, ring === '' ? undefined : kept),
          ),
        ]
      : []),
    ...(record.curve.length > 0 ? [figure('Learning rate', learningRateChart(record.curve, history))] : []),
  ]
  return drawn.length > 0 ? `<div class="charts">${drawn.join('')}</div>` : paragraph('No step was done.')
}

const PICTURES = `<p>Each image beside its non-zero luminance coefficients as the file holds them: a square is a block of 8×8, its
mean at the top left, higher frequencies to the right and below. ${key('warm')}positive ${key('accent')}negative, stronger
where larger.</p>`

async function figures(options: ReportOptions, evaluation: Evaluation | undefined): Promise<Fact[]> {
  const { model, record, data, test, command } = options
  const { start } = record
  const { name, input } = model.definition
  const { settings, history } = model.training ?? {}
  const last = history?.at(-1)
  const rows: Fact[] = [
    ...whereItRan(command),
    ['network', `${name}, ${inputText(input)}`],
    ['computed', modeSentence(ownMode(model.definition))],
  ]
  if (data) rows.push(['trained on', dataText(data)])
  if (test) rows.push(['tested on', dataText(test)])
  if (start) {
    rows.push(
      ['training files', grouped(start.images)],
      ['packed in memory', megabytes(start.dataBytes, start.imagesInMemory)],
      ['as 8-bit pixels', megabytes(start.images * input.channels * input.height * input.width, start.images)],
    )
  }
  if (data) rows.push(['non-zero coefficients a block', (await meanNonZeros(data)).toFixed(2)])
  if (start) rows.push(['files left out', grouped(start.skipped.length)])
  if (start && start.warned.length > 0) rows.push(['damaged files used', grouped(start.warned.length)])
  if (last) rows.push(['last epoch', `loss ${last.loss.toFixed(4)}, ${last.seconds.toFixed(1)} s`])
  if (evaluation) rows.push(['test loss', evaluation.loss.toFixed(4)])
  return [...rows, ...(settings ? settingsFacts(settings) : [])]
}

/** All that decides the numbers of the training, for a program to read. */
function allSettings({ training, definition }: Model): string {
  if (!training) return ''
  const text = JSON.stringify({ settings: training.settings, input: definition.input }, undefined, 2)
  return details('All settings as JSON', text)
}

function dataText({ source, length, classes, balance }: Dataset): string {
  const counts = balance.classes.map(({ count }) => count)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  const each = least === most ? `${grouped(least)} each` : `${grouped(least)} to ${grouped(most)} each`
  return `${source}: ${grouped(length)} files of ${grouped(classes.length)} classes, ${each}`
}

/** Mean over all blocks of up to {@link SAMPLE} images, spread evenly. */
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

const SAMPLE = 100

function megabytes(bytes: number, images: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e6 ? 3 : 1)} MB, ${grouped(bytes / images)} bytes an image`
}
