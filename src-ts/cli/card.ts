import type { Command } from 'commander'
import { loadModel, modelCard, modelCardMarkdown } from '../index.js'
import { examples, jsonOption } from './arguments.js'
import { writeWhole } from '../files.js'
import { forceOption, outputFile } from './output.js'
import { printText, say } from './terminal.js'

/** `jpegnet card MODEL` */
export function addCard(program: Command): void {
  program
    .command('card')
    .description('print a model card: network, classes, training data, settings and test results')
    .argument('<model>', 'a model file (.model)')
    .option('--out <file>', 'write the card to a file (.md or .json) instead of stdout')
    .addOption(forceOption())
    .addOption(jsonOption())
    .addHelpText('after', examples('jpegnet card photos.model', 'jpegnet card photos.model --out photos.json'))
    .action(async (path: string, { out, force, json = false }: { out?: string; force?: boolean; json?: boolean }) => {
      const kind =
        out === undefined
          ? json
            ? 'json'
            : 'markdown'
          : await outputFile(out, ['markdown', 'json'], { inputs: [path], force })
      const card = modelCard(await loadModel(path))
      const text =
        kind === 'markdown'
          ? modelCardMarkdown(card)
          : `${JSON.stringify(card, undefined, out === undefined ? 0 : 2)}\n`
      if (out === undefined) {
        printText(text.trimEnd())
        return
      }
      await writeWhole(out, text)
      say(`saved ${out}`)
    })
}
