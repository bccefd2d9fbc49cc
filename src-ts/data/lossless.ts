/** JPEG files from coefficients, and crops and turns that keep every coefficient. */
import * as z from 'zod'
import { lift, transformCoefficients, writeJpeg as nativeWrite } from '../native/addon.js'
import { checked } from '../options.js'
import { lifted, lowered, type JpegCoefficients } from './coefficients.js'
import { orientingSchema, type Orienting } from './reading.js'

/** How an image is turned; angles are clockwise. */
export type Turn =
  'none' | 'flip-horizontal' | 'rotate-180' | 'flip-vertical' | 'transpose' | 'rotate-90' | 'transverse' | 'rotate-270'

/** Turns by the numbers that Exif data has for them. */
const TURNS = {
  none: 1,
  'flip-horizontal': 2,
  'rotate-180': 3,
  'flip-vertical': 4,
  transpose: 5,
  'rotate-90': 6,
  transverse: 7,
  'rotate-270': 8,
} as const satisfies Record<Turn, number>

/** Names of all turns. */
export const TURN_NAMES = Object.keys(TURNS) as [Turn, ...Turn[]]

/** A box of pixels. */
export interface PixelBox {
  /** Columns to the left of it. */
  left: number
  /** Rows above it. */
  top: number
  width: number
  height: number
}

/** A crop, then a turn. */
export interface LosslessOptions {
  /** What is kept of the image as it is seen; all of it by default. */
  crop?: PixelBox | undefined
  /** How what is kept is turned; `none` by default. */
  turn?: Turn | undefined
  /**
   * Whether the image is turned upright first, as its Exif data says (`exif`) by default; or is taken as it is stored and keeps what is
   * said of its orientation (`stored`).
   */
  orientation?: Orienting | undefined
}

/** How a file is written. */
export interface WriteJpegOptions {
  /** Where to; the bytes alone are given unless this is. */
  file?: string | undefined
  /** Whether scans add frequencies and bits, for a file that is shown before it is whole; block after block by default. */
  progressive?: boolean | undefined
}

const length = z.int().min(0).max(65_500)
const side = length.min(1)
const boxSchema = z.strictObject({
  left: length,
  top: length,
  width: side,
  height: side,
}) satisfies z.ZodType<PixelBox>
const losslessSchema = z.strictObject({
  crop: boxSchema.optional(),
  turn: z.enum(TURN_NAMES).optional(),
  orientation: orientingSchema.optional(),
}) satisfies z.ZodType<LosslessOptions>
const writeSchema = z.strictObject({
  file: z.string().min(1).optional(),
  progressive: z.boolean().optional(),
}) satisfies z.ZodType<WriteJpegOptions>

/**
 * A part of an image, turned, without decoding it: blocks are moved and signs changed, no coefficient is rounded.
 *
 * Left and top edges must lie between blocks of every component, which are 16 pixels apart where chrominance is subsampled, and so
 * must the other edges if what is kept is mirrored or rotated.
 *
 * @throws ModelError `INVALID_OPTION`, also for a box beyond the image; `NOT_LOSSLESS` for edges within blocks;
 *   `INVALID_COEFFICIENTS` for blocks that are not those of the image's size
 */
export async function transformJpeg(
  coefficients: JpegCoefficients,
  options: LosslessOptions = {},
): Promise<JpegCoefficients> {
  const { crop, turn = 'none', orientation } = checked(losslessSchema, options, 'transformJpeg')
  const box = crop && [crop.left, crop.top, crop.width, crop.height]
  const transform = { ...(box && { crop: box }), turn: TURNS[turn], ignoreOrientation: orientation === 'stored' }
  return lifted(lift(await transformCoefficients(lowered(coefficients, 'transformJpeg'), transform)))
}

/**
 * The bytes of a JPEG file with these coefficients, Huffman-coded with tables of its own. Reading it gives the same
 * coefficients, quantisation, sampling, colours and orientation; an ICC profile and other remarks are not among them.
 *
 * @throws ModelError `INVALID_OPTION`; `INVALID_COEFFICIENTS` for what no file can hold; `WRITE_FAILED`, which leaves an old file
 *   as it was
 */
export async function writeJpeg(coefficients: JpegCoefficients, options: WriteJpegOptions = {}): Promise<Uint8Array> {
  const { file, progressive = false } = checked(writeSchema, options, 'writeJpeg')
  return lift(await nativeWrite(lowered(coefficients, 'writeJpeg'), progressive, file))
}
