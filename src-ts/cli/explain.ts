import type { Command } from 'commander'
import { writeWhole } from '../files.js'
import { explainPicture, loadModel, type ExplainProgress, type Transform } from '../index.js'
import { examples } from './arguments.js'
import { forceOption, outputFile } from './output.js'
import { limitsOption, readingOfOne, useDamagedOption, type ReadingOptions } from './reading.js'
import { Progress, say } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet explain MODEL FILE --out PAGE` */
export function addExplain(program: Command): void {
  program
    .command('explain')
    .description(
      'write a page that shows the coefficients of an image, the feature maps of the network and its prediction',
    )
    .argument('<model>', 'a model file (.model)')
    .argument('<file>', 'a JPEG file')
    .requiredOption('--out <page>', 'page to write (.html), one file without external parts')
    .addOption(transformOption("the model's own"))
    .addOption(useDamagedOption())
    .addOption(limitsOption())
    .addOption(forceOption())
    .addHelpText('after', examples('jpegnet explain photos.model photo.jpg --out photo.html'))
    .action(async (path: string, file: string, { out, transform, force, ...options }: ExplainArguments) => {
      await outputFile(out, ['page'], { inputs: [path, file], force })
      const model = await loadModel(path)
      const progress = new Progress()
      const onProgress = ({ done, total }: ExplainProgress) => progress.show('passes through the network', done, total)
      const html = await explainPicture(model, file, { transform, onProgress, ...readingOfOne(options) }).finally(() =>
        progress.clear(),
      )
      await writeWhole(out, html)
      say(`wrote ${out}`)
    })
}

interface ExplainArguments extends ReadingOptions {
  out: string
  transform?: readonly Transform[]
  force?: boolean
}
