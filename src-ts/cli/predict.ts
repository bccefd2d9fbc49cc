import { Option, type Command } from 'commander'
import { mismatch } from '../errors.js'
import { loadModel, type Model, type Prediction, type PredictOptions, type Transform } from '../index.js'
import {
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  modeOf,
  modeOption,
  useDamagedOption,
  whole,
  type SharedOptions,
} from './arguments.js'
import { pathsOnStdin, printLine } from './lines.js'
import { PICTURES, picturesOf } from './pictures.js'
import { percent, sayFailure, warn } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet predict MODEL FILE…`, `jpegnet predict MODEL --stdin` */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('classify JPEG files')
    .argument('<model>', 'a model that jpegnet saved')
    .argument('[file...]', PICTURES)
    .option('--stdin', 'classify files whose paths come on stdin, a line each, as they come; go on after a bad one')
    .option('-0, --null', 'paths on stdin end with NUL, as find -print0 writes them')
    .addOption(new Option('--top <n>', 'classes to print, the likeliest first').argParser(whole(1)).default(5))
    .addOption(transformOption("the model's own"))
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(new Option('--batch-size <n>', 'pictures a call, at most (64)').argParser(whole(1)))
    .addOption(useDamagedOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet predict photos.model photo.jpg --top 3',
        'jpegnet predict photos.model photos/new --json',
        'find photos -name "*.jpg" -print0 | jpegnet predict photos.model --stdin -0 --json',
      ),
    )
    .action(async (path: string, files: string[], options: PredictArguments, command: Command) => {
      if (options.stdin && files.length > 0)
        throw mismatch('INVALID_OPTION', '--stdin', 'no files beside it', `${files[0]}`)
      if (options.null && !options.stdin) throw mismatch('INVALID_OPTION', '--null', '--stdin beside it', 'none')
      if (!options.stdin && files.length === 0) {
        command.error("error: missing required argument 'file'", { code: 'commander.missingArgument', exitCode: 1 })
      }
      const { transform, batchSize } = options
      const model = await loadModel(path)
      const onError = options.useDamagedFiles ? 'use' : 'error'
      const given: PredictOptions = { ...modeOf(options), transform, batchSize, onError }
      await predictAll(model, options.stdin ? pathsOnStdin(options.null ?? false) : picturesOf(files), given, options)
    })
}

interface PredictArguments extends SharedOptions {
  stdin?: boolean
  null?: boolean
  useDamagedFiles?: boolean
  batchSize?: number
  top: number
  transform?: readonly Transform[]
}

/** One line a picture, in their order. Damaged files that are used are named on stderr, and bad ones unless their line is JSON. */
async function predictAll(
  model: Model,
  pictures: AsyncIterable<string>,
  given: PredictOptions,
  options: PredictArguments,
): Promise<void> {
  const { json = false, top } = options
  for await (const answer of model.predictEach(pictures, given)) {
    const { file, error } = answer
    if (error) {
      process.exitCode = 1
      if (json) await printLine(JSON.stringify({ file, error: { code: error.code, message: error.message } }))
      else sayFailure(error)
      continue
    }
    if (answer.warnings.length > 0) {
      warn(`${file}: used in spite of damage: ${answer.warnings.map(({ message }) => message).join('; ')}`)
    }
    await printLine(json ? JSON.stringify(ofTop(answer, top)) : described(answer, top))
  }
}

function ofTop({ file, logits, classes, warnings }: Prediction, top: number) {
  return { file, logits, classes: classes.slice(0, top), warnings }
}

function described({ file, classes }: Prediction, top: number): string {
  const best = classes.slice(0, top).map(({ label, probability }) => `${label} ${percent(probability)}`)
  return `${file}: ${best.join(', ')}`
}
