/** All coefficients of an image: out of a JPEG file, and in safetensors files that other programs read. */
import * as z from 'zod'
import { lift, readCoefficientsFile, writeCoefficientsFile, type BindingCoefficients } from '../native/addon.js'
import { checked, checkedPath, int16Array, uint16Array } from '../options.js'
import type { JpegColour } from './inspect.js'
import type { JpegFile } from './bytes.js'
import type { JpegReadOptions } from './reading.js'
import { withJpeg } from './single.js'

/** A component's quantised coefficients, zeros included. */
export interface CoefficientPlane {
  /** The file's name for it, 0–255. */
  id: number
  /** Horizontal and vertical sampling factors, 1–4. */
  sampling: readonly [number, number]
  /** Blocks high and wide, without those that only complete an MCU. */
  blocks: readonly [number, number]
  /** Quantisation steps `[8, 8]`, row-major. */
  quantisation: Uint16Array
  /** `[blocks high, blocks wide, 8, 8]`, row-major, vertical frequency first. */
  values: Int16Array
}

/** All that a JPEG file says of its pixels. */
export interface JpegCoefficients {
  /** Pixels from left to right, as they are stored. */
  width: number
  /** Pixels from top to bottom. */
  height: number
  /** What the components stand for. */
  colour: JpegColour
  /** Whether samples of `cmyk` are stored inverted, 255 for no ink, as all in files are; those of `ycck` always are. */
  inverted: boolean
  /** How the image is to be turned to be seen upright, 1–8 as in Exif data. */
  orientation: number
  /** In the file's order. */
  components: readonly CoefficientPlane[]
}

const byte = z.int().min(0).max(255)
const factor = z.int().min(1).max(4)
const blockCount = z.int().min(1).max(65_536)
const side = z.int().min(1).max(65_500)

const planeSchema = z.strictObject({
  id: byte,
  sampling: z.tuple([factor, factor]).readonly(),
  blocks: z.tuple([blockCount, blockCount]).readonly(),
  quantisation: uint16Array,
  values: int16Array,
}) satisfies z.ZodType<CoefficientPlane>

const coefficientsSchema = z.strictObject({
  width: side,
  height: side,
  colour: z.enum(['gray', 'ycbcr', 'rgb', 'cmyk', 'ycck']),
  inverted: z.boolean(),
  orientation: z.int().min(1).max(8),
  components: z.array(planeSchema).readonly(),
}) satisfies z.ZodType<JpegCoefficients>

/**
 * All quantised coefficients of a JPEG file with what it takes to write them again ({@link writeJpeg}). Those that the scans
 * of a progressive file have not given are zero, where networks read what smooths the image.
 *
 * @param file a path, a `file:` URL, or the bytes of a file, whatever they are in
 * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`, or why the file gave no coefficients
 */
export async function jpegCoefficients(file: JpegFile, options: JpegReadOptions = {}): Promise<JpegCoefficients> {
  return withJpeg(file, options, 'jpegCoefficients', async set => lifted(lift(await set.coefficients(0))), true)
}

/**
 * Coefficients from a safetensors file as {@link writeCoefficients} writes it.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `INVALID_WEIGHTS` for a file of something else
 */
export async function readCoefficients(path: string): Promise<JpegCoefficients> {
  return lifted(lift(await readCoefficientsFile(checkedPath(path, 'readCoefficients.path'))))
}

/**
 * Writes coefficients as a safetensors file: tensors `component_0`… (int16, `[blocks high, blocks wide, 8, 8]`) and
 * `quantization_0`… (uint16, `[8, 8]`), all else as text in its metadata. Aside first, then in place of the old file,
 * which a failure leaves as it was.
 *
 * @throws ModelError `INVALID_OPTION`, `INVALID_WEIGHTS` if values do not fill their blocks, `WRITE_FAILED`
 */
export async function writeCoefficients(path: string, coefficients: JpegCoefficients): Promise<void> {
  lift(
    await writeCoefficientsFile(
      checkedPath(path, 'writeCoefficients.path'),
      lowered(coefficients, 'writeCoefficients'),
    ),
  )
}

/**
 * Coefficients as the addon takes them.
 *
 * @throws ModelError `INVALID_OPTION` if they are not coefficients
 */
export function lowered(coefficients: JpegCoefficients, where: string): BindingCoefficients {
  const { components, ...rest } = checked(coefficientsSchema, coefficients, `${where}.coefficients`)
  const planes = components.map(({ sampling: [horizontal, vertical], blocks: [blocksHigh, blocksWide], ...plane }) => ({
    ...plane,
    horizontal,
    vertical,
    blocksHigh,
    blocksWide,
  }))
  return { ...rest, components: planes }
}

/** Coefficients as users see them. */
export function lifted({ components, ...rest }: BindingCoefficients): JpegCoefficients {
  const planes = components.map(
    ({ id, horizontal, vertical, blocksHigh, blocksWide, quantisation, values }): CoefficientPlane => ({
      id,
      sampling: [horizontal, vertical],
      blocks: [blocksHigh, blocksWide],
      quantisation,
      values,
    }),
  )
  return { ...rest, components: planes }
}
