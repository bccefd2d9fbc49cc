import { extname } from 'node:path'
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { mismatch } from '../errors.js'
import { loadModel, modelCard, modelCardMarkdown } from '../index.js'
import { examples, jsonOption } from './arguments.js'
import { say } from './terminal.js'

/** `jpegnet card MODEL` */
export function addCard(program: Command): void {
  program
    .command('card')
    .description('say what a model is, what it was trained on and how well it did')
    .argument('<model>', 'a model that jpegnet saved')
    .option('--out <file>', 'write it to a file, .md or .json, rather than to stdout')
    .addOption(jsonOption())
    .addHelpText('after', examples('jpegnet card photos.model', 'jpegnet card photos.model --out photos.json'))
    .action(async (path: string, { out, json = false }: { out?: string; json?: boolean }) => {
      const extension = out === undefined ? (json ? '.json' : '.md') : extname(out).toLowerCase()
      if (extension !== '.md' && extension !== '.json') {
        throw mismatch('INVALID_OPTION', '--out', 'a name ending in .md or .json', out ?? '')
      }
      const card = modelCard(await loadModel(path))
      const text =
        extension === '.md'
          ? modelCardMarkdown(card)
          : `${JSON.stringify(card, undefined, out === undefined ? 0 : 2)}\n`
      if (out === undefined) {
        process.stdout.write(text)
        return
      }
      await writeFile(out, text).catch((error: Error) => {
        throw mismatch('WRITE_FAILED', out, 'to write the file', error.message)
      })
      say(`saved ${out}`)
    })
}
