import { Option, type Command } from 'commander'
import { loadModel, type Transform } from '../index.js'
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
import { percent, printResult } from './terminal.js'
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
    .addOption(jsonOption())
    .addHelpText('after', examples('jpegnet predict photos.model photo.jpg --top 3'))
    .action(async (path: string, files: string[], options: PredictArguments) => {
      const { transform } = options
      const model = await loadModel(path)
      for (const { file, logits, classes } of await model.predict(files, { ...modeOf(options), transform })) {
        const best = classes.slice(0, options.top)
        const text = best.map(({ label, probability }) => `${label} ${percent(probability)}`).join(', ')
        printResult(options.json ?? false, { file, logits, classes: best }, `${file}: ${text}`)
      }
    })
}

interface PredictArguments extends SharedOptions {
  top: number
  transform?: readonly Transform[]
}
