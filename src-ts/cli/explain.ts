import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { mismatch } from '../errors.js'
import { explainPicture, loadModel, type Transform } from '../index.js'
import { examples, useDamagedOption } from './arguments.js'
import { say } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet explain MODEL FILE --out PAGE` */
export function addExplain(program: Command): void {
  program
    .command('explain')
    .description('show on a page what the coefficients of a picture are and what a network makes of them')
    .argument('<model>', 'a model that jpegnet saved')
    .argument('<file>', 'a JPEG file')
    .requiredOption('--out <page>', 'where to write the page, which needs nothing else')
    .addOption(transformOption("the model's own"))
    .addOption(useDamagedOption())
    .addHelpText('after', examples('jpegnet explain photos.model photo.jpg --out photo.html'))
    .action(async (path: string, file: string, { out, transform, useDamagedFiles }: ExplainArguments) => {
      const model = await loadModel(path)
      const onError = useDamagedFiles ? 'use' : 'error'
      const html = await explainPicture(model, file, { transform, onError })
      await writeFile(out, html).catch((error: Error) => {
        throw mismatch('WRITE_FAILED', out, 'to write the file', error.message)
      })
      say(`wrote ${out}`)
    })
}

interface ExplainArguments {
  out: string
  transform?: readonly Transform[]
  useDamagedFiles?: boolean
}
