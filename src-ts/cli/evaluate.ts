import { Option, type Command } from 'commander'
import { ModelError } from '../errors.js'
import { loadModel, type Evaluation, type Transform } from '../index.js'
import {
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  memoryOption,
  modeOf,
  modeOption,
  onErrorOf,
  skipBadOption,
  useDamagedOption,
  whole,
  type BadFileOptions,
  type SharedOptions,
} from './arguments.js'
import { evaluationText } from './evaluationText.js'
import { DATA, sourceOf } from './source.js'
import { Progress, count, printResult, warn, warnOfDamaged, warnSkipped } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet evaluate MODEL DATA` */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description(
      'say how a model does on JPEG files whose classes are known: in all, by class, and on which files worst',
    )
    .argument('<model>', 'a model that jpegnet saved')
    .argument('<data>', DATA)
    .addOption(
      new Option('--worst <n>', 'files to name that are wrong, the most confident first (12)').argParser(whole(0)),
    )
    .option('--skip-unknown-classes', 'leave out pictures of classes that the model does not know, rather than stop')
    .addOption(transformOption("the model's own"))
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(new Option('--batch-size <n>', 'pictures a call').argParser(whole(1)))
    .addOption(memoryOption())
    .addOption(skipBadOption())
    .addOption(useDamagedOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet evaluate photos.model photos/test',
        'jpegnet evaluate photos.model photos/test.tar',
        'jpegnet evaluate photos.model photos/test --mode band-limited --frequencies 8 --json',
      ),
    )
    .action(runEvaluate)
}

interface EvaluateArguments extends SharedOptions, BadFileOptions {
  worst?: number
  skipUnknownClasses?: boolean
  transform?: readonly Transform[]
  batchSize?: number
  memory?: number
}

async function runEvaluate(path: string, pictures: string, options: EvaluateArguments): Promise<void> {
  const { json = false, batchSize, memory, worst, transform, skipUnknownClasses } = options
  const model = await loadModel(path)
  const progress = new Progress()
  const data = await sourceOf(pictures, onErrorOf(options))
  const evaluation = await model
    .evaluate(data, {
      ...modeOf(options),
      transform,
      batchSize,
      memory,
      worst,
      unknownClasses: skipUnknownClasses ? 'skip' : 'error',
      onProgress: ({ type, done, total }) => progress.show(type === 'data' ? 'reading' : 'evaluating', done, total),
    })
    .catch((error: unknown) => {
      throw skipUnknownClasses ? error : withAdvice(error)
    })
    .finally(() => progress.clear())
  warnOfClasses(evaluation)
  warnSkipped(evaluation.skipped)
  warnOfDamaged(evaluation.warned)
  printResult(json, inNumbers(evaluation), evaluationText(evaluation))
}

/** An evaluation as one object of JSON, which counts the files that were named on stderr. */
function inNumbers({ skipped, warned, ...evaluation }: Evaluation) {
  return { ...evaluation, skipped: skipped.length, warned: warned.length }
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
      `there are no pictures of ${count(missing.length)} of the model's ${count(labels.length)} classes: ${some(missing)}`,
    )
  }
  if (leftOut.length > 0) {
    const names = leftOut.map(({ name, images }) => `${name} (${count(images)})`)
    warn(`pictures of classes that the model does not know were left out: ${some(names)}`)
  }
}

/** How many classes are named. */
const FEW = 10
