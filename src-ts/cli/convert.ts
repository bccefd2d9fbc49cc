import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { ModelError, mismatch } from '../errors.js'
import { createModel, readSafetensors, type LoadReport, type Tensor, type Transform } from '../index.js'
import {
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  meanOption,
  modeOf,
  modeOption,
  stdOption,
  whole,
  type SharedOptions,
} from './arguments.js'
import { modelNames, namedModel } from './models.js'
import { printResult, say } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet convert WEIGHTS.safetensors --model NAME --out MODEL` */
export function addConvert(program: Command): void {
  program
    .command('convert')
    .description('make a model of weights that were trained on pixels')
    .argument('<weights>', 'a safetensors file with PyTorch names')
    .addOption(new Option('--model <name>', 'the network').choices(modelNames).makeOptionMandatory())
    .requiredOption('--out <model>', 'where to save the model')
    .option('--classes <file>', 'a text file with the name of a class on each line')
    .addOption(new Option('--size <n>', 'height and width of the pictures (32; 224 for ImageNet)').argParser(whole(1)))
    .addOption(transformOption('none'))
    .addOption(meanOption())
    .addOption(stdOption())
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet convert weights.safetensors --model paper --mean 0.49,0.48,0.45 --std 0.25,0.24,0.26 --out photos.model',
      ),
    )
    .action(async (weights: string, options: ConvertArguments) => {
      const { tensors } = await readSafetensors(weights)
      const labels = options.classes === undefined ? undefined : await classNames(options.classes)
      const { json = false, model: name, out, size, transform, mean, std } = options
      const shape = { classes: classesOf(tensors, labels), channels: channelsOf(tensors), height: size, width: size }
      const model = createModel(namedModel(name, { ...shape, transform, mean, std, ...modeOf(options) }), { labels })
      const report = await model.load(tensors)
      printResult(json, { type: 'load', ...report }, describe(report))
      const wrong = report.missing.length + report.mismatched.length
      if (wrong > 0) {
        const found = `${report.missing.length} missing and ${report.mismatched.length} of other shapes`
        throw mismatch('INVALID_WEIGHTS', weights, `every tensor of ${name}`, found)
      }
      await model.save(out)
      say(`saved ${out}`)
    })
}

interface ConvertArguments extends SharedOptions {
  model: string
  out: string
  size?: number
  transform?: readonly Transform[]
  classes?: string
}

async function classNames(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'
    throw new ModelError(code, `${path}: expected a readable text file, found ${cause.message}`, { path, cause })
  })
  return text.split(/\r?\n/).filter(line => line.trim() !== '')
}

/** As many as the last layer has outputs. */
function classesOf(tensors: readonly Tensor[], labels: readonly string[] | undefined): number {
  const head = tensors.find(({ name, shape }) => /(^|\.)(fc|linear)\.weight$/.test(name) && shape.length === 2)
  return head?.shape[0] ?? labels?.length ?? 10
}

/** As many as the first filter has inputs. */
function channelsOf(tensors: readonly Tensor[]): number {
  const first = tensors.find(({ name, shape }) => /(^|\.)conv1\.weight$/.test(name) && shape.length === 4)
  return first?.shape[1] ?? 3
}

function describe({ applied, missing, unused, mismatched, prefix, suggestions }: LoadReport): string {
  const list = (title: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${title}: ${names.join(', ')}`]
  return [
    `${applied.length} tensors applied${prefix === '' ? '' : ` (prefix ${prefix} taken off)`}`,
    ...list('missing', missing),
    ...list('unused', unused),
    ...list(
      'mismatched',
      mismatched.map(({ name, expected, found }) => `${name} (expected ${expected}, found ${found})`),
    ),
    ...list(
      'perhaps meant',
      suggestions.map(({ missing, unused }) => `${unused} as ${missing}`),
    ),
  ].join('\n')
}
