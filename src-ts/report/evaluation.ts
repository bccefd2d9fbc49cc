/** An evaluation as sections of a page, and as a page of its own. */
import { checkedDataset, type Dataset } from '../data/dataset.js'
import { mismatch } from '../errors.js'
import type { ClassScore } from '../model/scores.js'
import type { Evaluation } from '../model/evaluation.js'
import { completeMode, modeSentence, ownMode, type ModeOptions } from '../model/mode.js'
import { checkedModel, type Model } from '../model/model.js'
import { grouped, percent } from '../numbers.js'
import { checkedObject, shown } from '../options.js'
import { escaped, facts, figure, headline, page, paragraph, resultsTable, section, type Fact } from './html.js'
import { mistakenPictures } from './pictures.js'
import { inputText, whereItRan } from './settings.js'

/** What a page about an evaluation tells of; the mode that it ran in, if not in the model's own. */
export interface EvaluationReportOptions extends ModeOptions {
  /** The page's title; the model's name and the data's by default. */
  title?: string | undefined
  model: Model
  evaluation: Evaluation
  /**
   * The data set that was evaluated, not yet disposed of: its images are shown. Without it they are read from their files again,
   * as far as they are there.
   */
  data?: Dataset | undefined
  /** The command line that repeats it. */
  command?: string | undefined
}

/** @throws ModelError `INVALID_OPTION` if a value is not what {@link Model.evaluate} gives */
export function checkedEvaluation(value: Evaluation, where: string): Evaluation {
  const { images, perClass, confusion, worst, labels } = checkedObject(value, where, 'what evaluate gave')
  if (typeof images === 'number' && [perClass, confusion, worst, labels].every(Array.isArray)) return value
  throw mismatch('INVALID_OPTION', where, 'what evaluate gave', shown(value))
}

/**
 * One HTML page of how a model does: scores by class, the confusion matrix, the images that it is most confidently wrong about: no
 * script, no request.
 */
export async function evaluationReport(options: EvaluationReportOptions): Promise<string> {
  const { data, command } = checkedObject(options, 'evaluationReport')
  const model = checkedModel(options.model, 'evaluationReport.model')
  const evaluation = checkedEvaluation(options.evaluation, 'evaluationReport.evaluation')
  if (data !== undefined) checkedDataset(data, 'evaluationReport.data')
  const mode = completeMode(options, model.definition, 'evaluationReport') ?? ownMode(model.definition)
  const { name, input } = model.definition
  const { trained } = model
  const what = data ? ` on ${data.source}` : ''
  const rows: Fact[] = [
    ...whereItRan(command),
    ['network', `${name}, ${inputText(input)}, ${grouped(model.parameterCount)} parameters`],
    ['computed', modeSentence(mode)],
    ...(data ? [['tested on', data.source] as Fact] : []),
    ...(trained
      ? [['trained on', `${trained.data}, ${grouped(trained.images)} files, ${trained.epochs} epochs`] as Fact]
      : []),
    ['test loss', evaluation.loss.toFixed(4)],
    ...filesLeftOut(evaluation),
  ]
  return page(options.title ?? `${name}${what}`, [
    headline([...evaluationNumbers(evaluation), [grouped(evaluation.imagesPerSecond), 'files a second, to answers']]),
    ...(await evaluationSections(evaluation, data)),
    section('How it was run', facts(rows)),
  ])
}

/** The numbers that a page begins with: a value and what it is of. */
export function evaluationNumbers({ accuracy, images, top5, macro }: Evaluation): Fact[] {
  return [
    [percent(accuracy), `of ${grouped(images)} unseen files right`],
    ...(top5 ? [[percent(top5.accuracy), 'among the five likeliest'] as Fact] : []),
    [percent(macro.f1, 1), 'mean F1 of the classes'],
  ]
}

function filesLeftOut({ skipped, warned }: Evaluation): Fact[] {
  return [
    ...(skipped.length > 0 ? [['files left out', grouped(skipped.length)] as Fact] : []),
    ...(warned.length > 0 ? [['damaged files used', grouped(warned.length)] as Fact] : []),
  ]
}

/** Confusion, classes, images: what there is to see of an evaluation. */
export async function evaluationSections(evaluation: Evaluation, data: Dataset | undefined): Promise<string[]> {
  const { perClass, worst, correct, images } = evaluation
  const about = classesText(evaluation)
  const wrong = images - correct
  return [
    section('Confusion', ...about.map(paragraph), await confusion(evaluation)),
    section(
      'Classes',
      paragraph(
        'Precision: of the files said to be of a class, the share that is. Recall: of its files, the share that was said to be. F1: their harmonic mean.',
      ),
      classesTable(perClass),
    ),
    ...(worst.length > 0
      ? [
          section(
            'Worst files',
            paragraph(
              `The ${worst.length === wrong ? '' : `${grouped(worst.length)} of ${grouped(wrong)} `}wrong answers that the network was surest of. Their labels are worth a look too.`,
            ),
            await mistakenPictures(worst, data),
          ),
        ]
      : []),
  ]
}

/** Which classes are not measured, in sentences. */
function classesText({ missing, leftOut, labels }: Evaluation): string[] {
  const some = (names: readonly string[]) =>
    names.length > NAMED
      ? `${names.slice(0, NAMED).join(', ')} and ${grouped(names.length - NAMED)} more`
      : names.join(', ')
  return [
    ...(missing.length > 0
      ? [
          `There are no files of ${grouped(missing.length)} of the model's ${grouped(labels.length)} classes: ${some(missing)}.`,
        ]
      : []),
    ...(leftOut.length > 0
      ? [
          `Files of classes that the model does not know were left out: ${some(leftOut.map(({ name, images }) => `${name} (${grouped(images)})`))}.`,
        ]
      : []),
  ]
}

/** How many classes a sentence names. */
const NAMED = 12

/** Most classes of a matrix with names and counts. */
const NAMED_CELLS = 25

async function confusion(evaluation: Evaluation): Promise<string> {
  // Drawing is a large part of the package that most programs never use.
  const { confusionChart, confusionMap } = await import('./charts.js')
  const { confusion, labels, perClass } = evaluation
  // A model of many classes may be tested on a few of them.
  const active = perClass.flatMap(({ images, said }, index) => (images > 0 || said > 0 ? [index] : []))
  const counts = active.map(is => active.map(said => confusion[is]?.[said] as number))
  const list = mistakesTable(evaluation)
  if (active.length <= NAMED_CELLS) {
    const names = active.map(index => labels[index] as string)
    const chart = figure('Rows: what it is. Columns: what the network said.', confusionChart(counts, names))
    return `<div class="confusion">${chart}${list}</div>`
  }
  const { svg, leftOut } = confusionMap(counts)
  const rest = leftOut > 0 ? ` The ${grouped(leftOut)} rarest kinds of mistakes are left out.` : ''
  const caption = `Rows: what it is. Columns: what the network said. ${grouped(active.length)} classes, in the order of the table below.${rest}`
  return `<div class="confusion">${figure(escaped(caption), svg)}${list}</div>`
}

/** The commonest mistakes. */
function mistakesTable({ mistakes, images, correct }: Evaluation): string {
  if (mistakes.length === 0) return paragraph('No mistakes.')
  const shown = mistakes.slice(0, MISTAKES)
  const rows = shown.map(({ is, said, images }) => [is, said, grouped(images)])
  const rest = shown.reduce((sum, { images }) => sum - images, images - correct)
  const others = rest > 0 ? [['all others', '', grouped(rest)]] : []
  return resultsTable(['is', 'said to be', 'files'], [...rows, ...others])
}

/** How many kinds of mistakes are listed. */
const MISTAKES = 10

function classesTable(perClass: readonly ClassScore[]): string {
  const share = (value: number | null) => (value === null ? '–' : percent(value, 1))
  const rows = perClass
    .filter(({ images, said }) => images > 0 || said > 0)
    .map(({ label, images, said, precision, recall, f1 }) => [
      label,
      grouped(images),
      grouped(said),
      ...[precision, recall, f1].map(share),
    ])
  return resultsTable(['class', 'files', 'said', 'precision', 'recall', 'F1'], rows)
}
