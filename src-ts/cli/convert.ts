import { readFile } from 'node:fs/promises'
import { Option, type Command } from 'commander'
import { misfits } from '../convert/convert.js'
import { PREPROCESSINGS } from '../convert/keras/model.js'
import { ModelError, mismatch } from '../errors.js'
import {
  convertModel,
  networkNames,
  type Conversion,
  type LoadReport,
  type Preprocessing,
  type Transform,
} from '../index.js'
import {
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  meanOption,
  modeOf,
  modeOption,
  size,
  stdOption,
  type SharedOptions,
} from './arguments.js'
import { forceOption, outputFile } from './output.js'
import { printResult, say } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet convert WEIGHTS --out MODEL` */
export function addConvert(program: Command): void {
  program
    .command('convert')
    .description('make a model of weights that were trained on pixels')
    .argument(
      '<weights>',
      'a safetensors file with PyTorch names, or the model.json of a Keras model for TensorFlow.js',
    )
    .requiredOption('--out <model>', 'where to save the model')
    .addOption(new Option('--model <name>', 'the network (recognised by its tensors)').choices(networkNames))
    .addOption(
      new Option(
        '--preprocessing <name>',
        'how pictures are prepared for a Keras model: caffe (BGR less the mean; its ResNets), tf (−1…1; its ResNets v2), torch, none (0…255)',
      ).choices(PREPROCESSINGS),
    )
    .option('--classes <file>', 'the names of the classes: a line each, or a JSON list or object by number')
    .addOption(new Option('--size <w×h>', "the pictures' width and height (32; 224 for ImageNet)").argParser(size))
    .addOption(transformOption('none'))
    .addOption(meanOption())
    .addOption(stdOption())
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(forceOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet convert resnet50.safetensors --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --out resnet50.model',
        'jpegnet convert ResNet50/model.json --preprocessing caffe --classes labels.json --out resnet50.model',
      ),
    )
    .action(async (weights: string, options: ConvertArguments) => {
      const { json = false, model: network, preprocessing, out, size, transform, mean, std } = options
      await outputFile(out, ['model'], { inputs: [weights, options.classes], force: options.force })
      const labels = options.classes === undefined ? undefined : distinct(await classNames(options.classes))
      const [width, height] = size ?? []
      const shape = { width, height, transform, mean, std, ...modeOf(options) }
      const given = { network, preprocessing, labels, ...shape }
      const conversion = await convertModel(weights, given).catch((error: unknown) => {
        if (!(error instanceof ModelError)) throw error
        const report = reportOf(error)
        if (report) printResult(json, { type: 'load', ...report }, shortList(misfits(report)))
        const { code, path = '', expected, found } = error
        if (path.startsWith('convertModel.') && expected !== undefined && found !== undefined) {
          throw mismatch(code, path.replace('convertModel.', '--'), expected, found)
        }
        if (code !== 'LABELS_MISMATCH' || options.classes === undefined) throw error
        throw mismatch(code, options.classes, expected ?? '', found ?? '')
      })
      const { model, report, leftOut } = conversion
      const result = { type: 'load', network: conversion.network, ...report, leftOut }
      printResult(json, result, describe(conversion))
      await model.save(out)
      say(`saved ${out}`)
    })
}

interface ConvertArguments extends SharedOptions {
  model?: string
  preprocessing?: Preprocessing
  out: string
  size?: readonly [number, number]
  transform?: readonly Transform[]
  classes?: string
  force?: boolean
}

/** The first of many lines; all of them are in the JSON. */
function shortList(lines: readonly string[]): string {
  const most = 20
  if (lines.length <= most) return lines.join('\n')
  return [...lines.slice(0, most), `and ${lines.length - most} more, which --json tells`].join('\n')
}

/** What became of every tensor, where some did not fit. */
function reportOf({ cause }: ModelError): LoadReport | undefined {
  return typeof cause === 'object' && cause !== null && 'applied' in cause ? (cause as LoadReport) : undefined
}

async function classNames(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'
    throw new ModelError(code, `${path}: expected a readable text file, found ${cause.message}`, { path, cause })
  })
  if (path.endsWith('.json')) return namesInJson(text, path)
  return text.split(/\r?\n/).filter(line => line.trim() !== '')
}

/** Names of which none is there twice: to those that are (ImageNet's crane, a bird and a machine) their numbers are added. */
function distinct(names: readonly string[]): string[] {
  const twice = new Set(names.filter((name, number) => names.indexOf(name) !== number))
  if (twice.size > 0) say(`several classes are called ${[...twice].join(', ')}: their numbers are added`)
  return names.map((name, number) => (twice.has(name) ? `${name} (${number})` : name))
}

/** `["tench", …]` or `{ "0": "tench", … }`. */
function namesInJson(text: string, path: string): string[] {
  const expected = 'a list of names, or an object of names by their numbers from 0'
  const wrong = (found: string) => mismatch('FILE_UNREADABLE', path, expected, found)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
  if (typeof value !== 'object' || value === null) throw wrong(typeof value)
  const byNumber = value as Record<string, unknown>
  const count = Object.keys(byNumber).length
  return Array.from({ length: count }, (_, number) => {
    const name = byNumber[number]
    if (typeof name !== 'string') throw wrong(`no name ${number}`)
    return name
  })
}

function describe({ model, network, report, leftOut }: Conversion): string {
  const { applied, prefix } = report
  return [
    `${network}: ${applied.length} tensors applied${prefix === '' ? '' : ` (prefix ${prefix} taken off)`}`,
    `${model.definition.input.width}×${model.definition.input.height} pictures, ${model.classes} classes`,
    ...(leftOut.length === 0 ? [] : [`left out, because they do nothing at inference: ${leftOut.join(', ')}`]),
  ].join('\n')
}
