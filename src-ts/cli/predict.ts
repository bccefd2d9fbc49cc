import { fstatSync } from 'node:fs'
import { Option, type Command } from 'commander'
import { ModelError, mismatch } from '../errors.js'
import { loadModel, type PredictOptions, type Transform } from '../index.js'
import { Answers, type AnswerForm } from './answers.js'
import {
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  modeOf,
  modeOption,
  whole,
  type SharedOptions,
} from './arguments.js'
import { abortOnInterrupt, exitCodeOf } from './interrupt.js'
import { pathsOnStdin } from './lines.js'
import { forceOption, outputFile } from './output.js'
import { PICTURES, picturesOf } from './pictures.js'
import { limitsOption, readingOfOne, useDamagedOption, type ReadingOptions } from './reading.js'
import { count, Progress, say } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet predict MODEL FILE…`, `jpegnet predict MODEL --stdin` */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('classify JPEG files')
    .argument('<model>', 'a model file (.model)')
    .argument('[file...]', PICTURES)
    .option(
      '--stdin',
      'classify the files whose paths are read from stdin, one a line, as they arrive; bad files do not stop it',
    )
    .option('-0, --null', 'paths on stdin are separated by NUL, as find -print0 writes them')
    .addOption(
      new Option('--top <n>', 'number of classes to print for each image, the most probable first')
        .argParser(whole(1))
        .default(5),
    )
    .addOption(transformOption("the model's own"))
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(new Option('--batch-size <n>', 'largest number of images in a batch (default: 64)').argParser(whole(1)))
    .addOption(useDamagedOption())
    .addOption(limitsOption())
    .addOption(jsonOption())
    .option('--csv', 'print CSV, a row for each image: file, label, probability, label_2, …, error')
    .option(
      '--out <file>',
      'write the predictions to a file instead of stdout: .csv, or .jsonl with a JSON object a line',
    )
    .addOption(forceOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet predict photos.model photo.jpg --top 3',
        'jpegnet predict photos.model photos/new --json',
        'jpegnet predict photos.model photos/new --top 1 --out answers.csv',
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
      await runPredict(path, files, options)
    })
}

async function runPredict(path: string, files: string[], options: PredictArguments): Promise<void> {
  const { transform, batchSize, out } = options
  const form = await formOf(options, [path, ...files])
  const model = await loadModel(path)
  const [signal, stopListening] = out === undefined ? [] : abortOnInterrupt('after these images')
  const given: PredictOptions = { ...modeOf(options), transform, batchSize, ...readingOfOne(options), signal }
  const answers = await Answers.open({ form, out, top: Math.min(options.top, model.classes) })
  // Answers that go to a terminal are a sign of life themselves.
  const progress = out !== undefined || fstatSync(process.stdout.fd).isFile() ? new Progress() : undefined
  try {
    const pictures = options.stdin ? pathsOnStdin(options.null ?? false) : picturesOf(files)
    progress?.show('predicting', 0, undefined)
    for await (const answer of model.predictEach(pictures, given)) {
      if (answer.error || answer.warnings.length > 0) progress?.clear()
      await answers.tell(answer)
      progress?.show('predicting', answers.counts.told, undefined)
    }
    await answers.finish()
  } catch (error) {
    if (!(signal && error instanceof ModelError && error.code === 'ABORTED')) throw error
    // Hours of answers are not lost with the last of them.
    await answers.finish()
    process.exitCode = exitCodeOf(signal)
  } finally {
    progress?.clear()
    answers.discard()
    stopListening?.()
    // It may wait for a path that never comes.
    if (options.stdin) process.stdin.destroy()
  }
  const { told, failed } = answers.counts
  if (failed > 0) process.exitCode ||= 1
  if (out !== undefined) say(writtenText(out, told, failed, signal?.aborted ?? false))
}

function writtenText(out: string, told: number, failed: number, stopped: boolean): string {
  const bad = failed > 0 ? `, ${count(failed)} of which could not be classified` : ''
  return `${stopped ? 'stopped; ' : ''}wrote ${out}: ${count(told)} ${told === 1 ? 'file' : 'files'}${bad}`
}

/**
 * In which form answers are told.
 *
 * @throws ModelError as {@link outputFile}; `INVALID_OPTION` for options that contradict each other
 */
async function formOf({ json, csv, out, force }: PredictArguments, inputs: readonly string[]): Promise<AnswerForm> {
  if (json && csv) throw mismatch('INVALID_OPTION', '--csv', 'nothing beside --json', 'both')
  if (out === undefined) return csv ? 'csv' : json ? 'lines' : 'text'
  if (json || csv) throw mismatch('INVALID_OPTION', '--out', `no ${json ? '--json' : '--csv'} beside it`, out)
  return outputFile(out, ['csv', 'lines'], { inputs, force })
}

interface PredictArguments extends SharedOptions, ReadingOptions {
  csv?: boolean
  out?: string
  force?: boolean
  stdin?: boolean
  null?: boolean
  batchSize?: number
  top: number
  transform?: readonly Transform[]
}
