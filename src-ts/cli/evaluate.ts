import { Option, type Command } from 'commander'
import { loadModel, type Transform } from '../index.js'
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
import { DATA, sourceOf } from './source.js'
import { Progress, count, percent, printResult, warnOfDamaged, warnSkipped } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet evaluate MODEL DATA` */
export function addEvaluate(program: Command): void {
  program
    .command('evaluate')
    .description('count right answers on JPEG files whose classes are known')
    .argument('<model>', 'a model that jpegnet saved')
    .argument('<data>', DATA)
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
    .action(async (path: string, pictures: string, options: EvaluateArguments) => {
      const { json = false, batchSize, memory } = options
      const model = await loadModel(path)
      const progress = new Progress()
      const data = await sourceOf(pictures, onErrorOf(options))
      const { images, correct, accuracy, imagesPerSecond, loss, skipped, warned } = await model.evaluate(data, {
        ...modeOf(options),
        transform: options.transform,
        ...(batchSize && { batchSize }),
        memory,
        onProgress: ({ type, done, total }) => progress.show(type === 'data' ? 'reading' : 'evaluating', done, total),
      })
      progress.clear()
      warnSkipped(skipped)
      warnOfDamaged(warned)
      const counts = { skipped: skipped.length, warned: warned.length }
      const result = { images, correct, accuracy, loss, imagesPerSecond, ...counts }
      const text = `${count(correct)} of ${count(images)} right (${percent(accuracy)}), ${count(imagesPerSecond)} images/s`
      printResult(json, result, text)
    })
}

interface EvaluateArguments extends SharedOptions, BadFileOptions {
  transform?: readonly Transform[]
  batchSize?: number
  memory?: number
}
