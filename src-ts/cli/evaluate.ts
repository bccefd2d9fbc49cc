import { basename } from 'node:path'
import { Option, type Command } from 'commander'
import { csvLine, pathCell, textCell } from '../csv.js'
import { ModelError, mismatch } from '../errors.js'
import { LineFile, writeWhole } from '../files.js'
import {
  evaluationReport,
  loadDataset,
  loadModel,
  runtimeInfo,
  type Dataset,
  type EvaluateProgress,
  type Evaluation,
  type PictureResult,
  type Transform,
} from '../index.js'
import {
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  memoryOption,
  modeOf,
  modeOption,
  whole,
  type SharedOptions,
} from './arguments.js'
import { commandLine } from './commandLine.js'
import { evaluationText } from './evaluationText.js'
import { forceOption, outputFile } from './output.js'
import { limitsOption, readingOf, skipBadOption, useDamagedOption, type ReadingOptions } from './reading.js'
import { DATA, sourceOf } from './source.js'
import { Progress, count, printResult, say, warn, warnOfDamaged, warnSkipped } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet evaluate MODEL DATA` */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description(
      'measure a model on labelled JPEG files: accuracy, precision and recall of each class, confusion matrix, worst mistakes',
    )
    .argument('<model>', 'a model file (.model)')
    .argument('<data>', DATA)
    .addOption(
      new Option(
        '--worst <n>',
        'number of wrong predictions to list, the most confident first (default: 12)',
      ).argParser(whole(0)),
    )
    .option('--skip-unknown-classes', 'leave out images of classes that the model does not have, instead of stopping')
    .addOption(transformOption("the model's own"))
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(new Option('--batch-size <n>', 'images a batch (default: 128)').argParser(whole(1)))
    .addOption(memoryOption())
    .addOption(skipBadOption())
    .addOption(useDamagedOption())
    .addOption(limitsOption())
    .addOption(jsonOption())
    .addOption(
      new Option(
        '--out <file>',
        'write a page (.html), all results (.json) or a row for each image (.csv); can be given once for each kind',
      ).argParser((file: string, before: string[] = []) => [...before, file]),
    )
    .addOption(forceOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet evaluate photos.model photos/test',
        'jpegnet evaluate photos.model photos/test.tar --out test.html --out test.csv',
        'jpegnet evaluate photos.model photos/test --mode band-limited --frequencies 8 --json',
      ),
    )
    .action(runEvaluate)
}

interface EvaluateArguments extends SharedOptions, ReadingOptions {
  out?: string[]
  force?: boolean
  worst?: number
  skipUnknownClasses?: boolean
  transform?: readonly Transform[]
  batchSize?: number
  memory?: number
}

async function runEvaluate(path: string, pictures: string, options: EvaluateArguments): Promise<void> {
  const { json = false, batchSize, memory, worst, transform, skipUnknownClasses } = options
  const outputs = await outputsOf(options, [path, pictures])
  const model = await loadModel(path)
  const progress = new Progress()
  const source = await sourceOf(pictures, readingOf(options))
  const show = ({ type, done, total }: EvaluateProgress) =>
    progress.show(type === 'data' ? 'reading' : 'evaluating', done, total)
  const rows = await Rows.open(outputs.csv)
  const start = performance.now()
  let data: Dataset | undefined
  try {
    data = await loadDataset(source, { memory, onProgress: show })
    progress.show('evaluating', 0, data.length)
    const given = { ...modeOf(options), transform, batchSize, worst }
    const unknownClasses = skipUnknownClasses ? 'skip' : 'error'
    const found = await model.evaluate(data, { ...given, unknownClasses, onPicture: rows?.onPicture, onProgress: show })
    // From files to answers.
    const evaluation = { ...found, imagesPerSecond: found.images / ((performance.now() - start) / 1000) }
    progress.clear()
    warnOfClasses(evaluation)
    warnSkipped(evaluation.skipped)
    warnOfDamaged(evaluation.warned)
    printResult(json, inNumbers(evaluation), evaluationText(evaluation))
    await rows?.finish()
    if (outputs.json !== undefined) await writeWhole(outputs.json, jsonOf(evaluation, path, pictures))
    if (outputs.page !== undefined) {
      const title = `${basename(path)} on ${pictures}`
      const told = { title, model, evaluation, data, command: commandLine(), ...modeOf(options) }
      await writeWhole(outputs.page, await evaluationReport(told))
    }
    Object.values(outputs).forEach(file => say(`wrote ${file}`))
  } catch (error) {
    progress.clear()
    throw skipUnknownClasses ? error : withAdvice(error)
  } finally {
    rows?.discard()
    data?.dispose()
  }
}

/** The files to write, each of its own kind. */
type Outputs = Partial<Record<'page' | 'json' | 'csv', string>>

/** @throws ModelError as {@link outputFile}; `INVALID_OPTION` for two of a kind */
async function outputsOf({ out = [], force }: EvaluateArguments, inputs: readonly string[]): Promise<Outputs> {
  const outputs: Outputs = {}
  for (const file of out) {
    const kind = await outputFile(file, ['page', 'json', 'csv'], { inputs, force })
    const other = outputs[kind]
    if (other !== undefined) throw mismatch('INVALID_OPTION', '--out', `one file of a kind`, `${other} and ${file}`)
    outputs[kind] = file
  }
  return outputs
}

/** A CSV file with a row an image. */
class Rows {
  readonly #file: LineFile

  private constructor(file: LineFile) {
    this.#file = file
  }

  /** @throws ModelError `WRITE_FAILED` */
  static async open(path: string | undefined): Promise<Rows | undefined> {
    if (path === undefined) return undefined
    const file = LineFile.open(path)
    await file.write(csvLine(['file', 'label', 'said', 'probability', 'label_probability']))
    return new Rows(file)
  }

  readonly onPicture = ({ file, label, said, probability, labelProbability }: PictureResult): Promise<void> =>
    this.#file.write(csvLine([pathCell(file), textCell(label), textCell(said), probability, labelProbability]))

  finish(): Promise<void> {
    return this.#file.finish()
  }

  discard(): void {
    this.#file.discard()
  }
}

/** An evaluation as one object of JSON, which counts the files that were named on stderr. */
function inNumbers({ skipped, warned, ...evaluation }: Evaluation) {
  return { ...evaluation, skipped: skipped.length, warned: warned.length }
}

/** An evaluation as a file of JSON: all of it, with what it is of. */
function jsonOf(evaluation: Evaluation, model: string, data: string): string {
  const { version, isa, threads } = runtimeInfo()
  const of = { model, data, command: commandLine(), date: new Date().toISOString(), version, isa, threads }
  return `${JSON.stringify({ ...of, ...evaluation })}\n`
}

/** Says which option goes on where classes are not known. */
function withAdvice(error: unknown): unknown {
  if (!(error instanceof ModelError && error.code === 'LABELS_MISMATCH')) return error
  const { code, message, path, expected, found } = error
  if (!found?.endsWith('which it does not know')) return error
  const advice = '--skip-unknown-classes leaves them out'
  return new ModelError(code, `${message}; ${advice}`, { path, expected, found, cause: error })
}

/** Classes that are not measured. */
function warnOfClasses({ missing, labels, leftOut }: Evaluation): void {
  const some = (names: readonly string[]) =>
    names.length > FEW ? `${names.slice(0, FEW).join(', ')} and ${count(names.length - FEW)} more` : names.join(', ')
  if (missing.length > 0) {
    warn(
      `there are no images of ${count(missing.length)} of the model's ${count(labels.length)} classes: ${some(missing)}`,
    )
  }
  if (leftOut.length > 0) {
    const names = leftOut.map(({ name, images }) => `${name} (${count(images)})`)
    warn(`images of classes that the model does not know were left out: ${some(names)}`)
  }
}

/** How many classes are named. */
const FEW = 10
