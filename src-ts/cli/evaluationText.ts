/** An evaluation as a person reads it in a terminal. */
import type { ClassScore, Evaluation } from '../index.js'
import { table, widthOf } from '../table.js'
import { count, percent, visible } from './terminal.js'

/** Most classes that are all listed. */
const LISTED = 40
/** How many are, of more. */
const FEW = 10
/** Columns of what is not a terminal. */
const PLAIN_COLUMNS = 120

/** The first line, then classes, the confusion matrix or the commonest mistakes, and the files. */
export function evaluationText(evaluation: Evaluation): string {
  const { worst, images, correct, perClass } = evaluation
  const parts = [firstLine(evaluation), classesText(evaluation)]
  if (correct < images) {
    const matrix = matrixText(evaluation, process.stdout.columns ?? PLAIN_COLUMNS)
    if (matrix !== undefined) parts.push(matrix)
    if (matrix === undefined || perClass.filter(({ images }) => images > 0).length > FEW)
      parts.push(mistakesText(evaluation))
  }
  if (worst.length > 0) parts.push(worstText(evaluation))
  return parts.join('\n\n')
}

function firstLine({ images, correct, accuracy, top5, loss, imagesPerSecond }: Evaluation): string {
  const top = top5 ? `, ${percent(top5.accuracy)} among the five likeliest` : ''
  const right = `${count(correct)} of ${count(images)} right (${percent(accuracy)})`
  return `${right}${top}, loss ${loss.toFixed(4)}, ${count(imagesPerSecond)} images/s`
}

const share = (value: number | null) => (value === null ? '–' : percent(value, 1))

/** Every class, or of many the ones that it tells worst from the others. */
function classesText({ perClass, macro }: Evaluation): string {
  const measured = perClass.filter(({ images }) => images > 0)
  const isLong = measured.length > LISTED
  const shown = isLong ? measured.toSorted((a, b) => (a.f1 ?? 0) - (b.f1 ?? 0)).slice(0, FEW) : measured
  const row = ({ label, images, precision, recall, f1 }: ClassScore) => [
    label,
    count(images),
    ...[precision, recall, f1].map(share),
  ]
  const means = ['mean of classes', '', ...[macro.precision, macro.recall, macro.f1].map(share)]
  const lines = tableOf(['class', 'images', 'precision', 'recall', 'F1'], [...shown.map(row), means], [1, 2, 3, 4])
  return isLong ? `the ${FEW} of ${count(measured.length)} classes with the lowest F1\n${lines}` : lines
}

/** The whole matrix of the classes that are or were said, by their numbers, if it is not wider than that. */
function matrixText({ confusion, labels, perClass }: Evaluation, columns: number): string | undefined {
  const active = perClass.flatMap(({ images, said }, index) => (images > 0 || said > 0 ? [index] : []))
  if (active.length > LISTED) return undefined
  const number = (index: number) => String(index + 1)
  const cell = (images: number) => (images === 0 ? '·' : String(images))
  const rows = active
    .filter(is => (perClass[is]?.images ?? 0) > 0)
    .map(is => [number(is), labels[is] as string, ...active.map(said => cell(confusion[is]?.[said] as number))])
  const header = ['', 'is \\ said', ...active.map(number)]
  const numeric = header.map((_, column) => column).filter(column => column !== 1)
  const lines = tableOf(header, rows, numeric)
  const width = Math.max(...lines.split('\n').map(widthOf))
  return width <= columns ? `confusion matrix\n${lines}` : undefined
}

function mistakesText({ mistakes, images, correct }: Evaluation): string {
  const shown = mistakes.slice(0, FEW)
  const rest = shown.reduce((sum, { images }) => sum - images, images - correct)
  const rows = shown.map(({ is, said, images }) => [is, said, count(images)])
  const others = rest > 0 ? [['all others', '', count(rest)]] : []
  return `commonest mistakes\n${tableOf(['is', 'said', 'images'], [...rows, ...others], [2])}`
}

function worstText({ worst }: Evaluation): string {
  const rows = worst.map(({ file, label, said, probability, labelProbability }) => [
    said,
    percent(probability, 1),
    label,
    percent(labelProbability, 1),
    file,
  ])
  return `most confident mistakes\n${tableOf(['said', 'likely', 'is', 'likely', 'file'], rows, [1, 3])}`
}

/** A table of names that no terminal obeys. */
function tableOf(header: readonly string[], rows: readonly (readonly string[])[], numeric: readonly number[]): string {
  const shown = (cells: readonly string[]) => cells.map(visible)
  return table(shown(header), rows.map(shown), numeric)
}
