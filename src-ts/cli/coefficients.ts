import { stat } from 'node:fs/promises'
import { extname } from 'node:path'
import { Option, type Command } from 'commander'
import { TURN_NAMES } from '../data/lossless.js'
import {
  inspectJpeg,
  jpegCoefficients,
  readCoefficients,
  transformJpeg,
  writeCoefficients,
  writeJpeg,
  type PixelBox,
  type JpegCoefficients,
  type Turn,
} from '../index.js'
import { box, examples, jsonOption } from './arguments.js'
import { forceOption, outputFile } from './output.js'
import { limitsOption, readingOfOne, useDamagedOption, type ReadingOptions } from './reading.js'
import { count, printResult, warnOfDamaged } from './terminal.js'

const TENSORS = '.safetensors'

/** `jpegnet coefficients FILE --out OUT` */
export function addCoefficients(program: Command): void {
  program
    .command('coefficients')
    .description(
      'write the quantised coefficients of a JPEG file as tensors, or a JPEG file from such tensors; optionally crop and rotate losslessly',
    )
    .argument('<file>', `a JPEG file, or a file of coefficients (${TENSORS})`)
    .requiredOption('--out <file>', `file to write: ${TENSORS} for coefficients as tensors, .jpg for a JPEG file`)
    .option(
      '--crop <box>',
      'crop to WxH+X+Y of the upright image; X and Y must be multiples of the block size (8 or 16 pixels)',
      box,
    )
    .addOption(new Option('--turn <name>', 'rotate or mirror the result (default: none)').choices(TURN_NAMES))
    .option('--as-stored', 'ignore the Exif orientation, and keep it in the result')
    .option('--progressive', 'write a progressive JPEG file')
    .addOption(useDamagedOption())
    .addOption(limitsOption())
    .addOption(forceOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet coefficients photo.jpg --out photo.safetensors',
        'jpegnet coefficients photo.safetensors --out again.jpg',
        'jpegnet coefficients photo.jpg --crop 320x240+16+32 --turn rotate-90 --out part.jpg',
      ),
    )
    .action(async (file: string, options: CoefficientsArguments) => {
      const { out, crop, turn, asStored, progressive, force, json = false } = options
      const kind = await outputFile(out, ['coefficients', 'jpeg'], { inputs: [file], force })
      const given = extname(file).toLowerCase() === TENSORS ? await readCoefficients(file) : await ofJpeg(file, options)
      const orientation = asStored ? 'stored' : 'exif'
      const coefficients = crop || turn ? await transformJpeg(given, { crop, turn, orientation }) : given
      if (kind === 'coefficients') await writeCoefficients(out, coefficients)
      else await writeJpeg(coefficients, { file: out, progressive })
      const { width, height, components } = coefficients
      const values = components.reduce((sum, component) => sum + component.values.length, 0)
      const { size } = await stat(out)
      const result = { out, width, height, components: components.length, coefficients: values, bytes: size }
      const text = `${width}×${height} pixels, ${count(values)} coefficients of ${components.length} components written to ${out} (${count(size)} bytes)`
      printResult(json, result, text)
    })
}

async function ofJpeg(file: string, options: ReadingOptions): Promise<JpegCoefficients> {
  const reading = readingOfOne(options)
  if (reading.onError !== 'use') return jpegCoefficients(file, reading)
  const { warnings } = await inspectJpeg(file, reading)
  warnOfDamaged(warnings.length > 0 ? [{ file, warnings }] : [])
  return jpegCoefficients(file, reading)
}

interface CoefficientsArguments extends ReadingOptions {
  out: string
  crop?: PixelBox
  turn?: Turn
  asStored?: boolean
  progressive?: boolean
  force?: boolean
  json?: boolean
}
