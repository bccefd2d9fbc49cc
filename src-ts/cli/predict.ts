import { Option, type Command } from 'commander'
import { loadModel, type Transform } from '../index.js'
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
import { percent, printResult, warnOfDamaged } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet predict MODEL FILE…` */
export function addPredict(program: Command): void {
  program
    .command('predict')
    .description('classify JPEG files')
    .argument('<model>', 'a model that jpegnet saved')
    .argument('<file...>', 'JPEG files')
    .addOption(new Option('--top <n>', 'classes to print, the likeliest first').argParser(whole(1)).default(5))
    .addOption(transformOption("the model's own"))
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(useDamagedOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('jpegnet predict photos.model photo.jpg --top 3'))
    .action(async (path: string, files: string[], options: PredictArguments) => {
      const { transform, useDamagedFiles } = options
      const model = await loadModel(path)
      const onError = useDamagedFiles ? 'use' : 'error'
      const predictions = await model.predict(files, { ...modeOf(options), transform, onError })
      warnOfDamaged(predictions.filter(({ warnings }) => warnings.length > 0))
      for (const { file, logits, classes, warnings } of predictions) {
        const best = classes.slice(0, options.top)
        const text = best.map(({ label, probability }) => `${label} ${percent(probability)}`).join(', ')
        printResult(options.json ?? false, { file, logits, classes: best, warnings }, `${file}: ${text}`)
      }
    })
}

interface PredictArguments extends SharedOptions {
  useDamagedFiles?: boolean
  top: number
  transform?: readonly Transform[]
}
