import { Option, type Command } from 'commander'
import { jpegFolder, loadModel, type Transform } from '../index.js'
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
import { Progress, count, percent, printResult, warnSkipped } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet evaluate MODEL DIR` */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('count right answers on a folder with a folder of JPEG files for each class')
    .argument('<model>', 'a model that jpegnet saved')
    .argument('<dir>', 'the folder')
    .addOption(transformOption("the model's own"))
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(new Option('--batch-size <n>', 'pictures a call').argParser(whole(1)))
    .addOption(memoryOption())
    .option('--skip-bad-files', 'go on without damaged files, naming them, rather than stop')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet evaluate photos.model photos/test',
        'jpegnet evaluate photos.model photos/test --mode band-limited --frequencies 8 --json',
      ),
    )
    .action(async (path: string, directory: string, options: EvaluateArguments) => {
      const { json = false, batchSize, memory, skipBadFiles } = options
      const model = await loadModel(path)
      const progress = new Progress()
      const data = jpegFolder(directory, { onError: skipBadFiles ? 'skip' : 'error' })
      const { images, correct, accuracy, imagesPerSecond, loss, skipped } = await model.evaluate(data, {
        ...modeOf(options),
        transform: options.transform,
        ...(batchSize && { batchSize }),
        memory,
        onProgress: ({ type, done, total }) => progress.show(type === 'data' ? 'reading' : 'evaluating', done, total),
      })
      progress.clear()
      warnSkipped(skipped)
      const result = { images, correct, accuracy, loss, imagesPerSecond, skipped: skipped.length }
      const text = `${count(correct)} of ${count(images)} right (${percent(accuracy)}), ${count(imagesPerSecond)} images/s`
      printResult(json, result, text)
    })
}

interface EvaluateArguments extends SharedOptions {
  transform?: readonly Transform[]
  batchSize?: number
  memory?: number
  skipBadFiles?: boolean
}
