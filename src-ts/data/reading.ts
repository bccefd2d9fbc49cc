/** How files are read: what they may ask for, and what happens to damaged ones. */
import * as z from 'zod'
import type { BindingReadOptions } from '../native/addon.js'
import { withoutUndefined } from '../options.js'
import { bytesOf, memorySchema, type MemorySize } from './memory.js'

/**
 * What happens to a file that cannot be read or is damaged: `error` stops with an error that names it; `skip` leaves it out; `use` decodes
 * a damaged or truncated file as far as libjpeg can. A file that cannot be decoded at all is an error with `use` too.
 */
export type OnBadFile = 'error' | 'skip' | 'use'

/** Limits for one file. The header is checked before memory for coefficients is allocated. */
export interface JpegLimits {
  /** Most bytes of the file; 128 MiB by default. A longer one is not read into memory. */
  bytes?: MemorySize | undefined
  /** Largest width times height; 2²⁷ (134 megapixels) by default. */
  pixels?: number | undefined
  /** Most components; 4 by default. */
  components?: number | undefined
  /** Most scans, each of which costs a pass over coefficients; 500 by default. Encoders write about ten. */
  scans?: number | undefined
  /** Most memory for the coefficients of a file while it is read; 2 GiB by default. */
  memory?: MemorySize | undefined
  /**
   * Most milliseconds on one core for decoding a file and using it once (packing it into a data set, or transforming it for a
   * prediction or a batch); 1000 by default. It is computed from the numbers of bytes, blocks and scans and not measured, so
   * that the same files are accepted on every machine; see docs/security.md.
   */
  work?: number | undefined
}

/** A warning of libjpeg about a damaged file that was used. */
export interface JpegWarning {
  /** libjpeg's message. */
  message: string
  /** How often it occurred. */
  count: number
}

/** A damaged file that was used. */
export interface WarnedFile {
  file: string
  warnings: readonly JpegWarning[]
}

/** How one file is read. */
export interface JpegReadOptions {
  /** What happens to a damaged or truncated file: `error` (default), or `use` to decode it as far as possible. */
  onError?: 'error' | 'use' | undefined
  limits?: JpegLimits | undefined
  /** `exif` (default): the image is turned upright by its Exif orientation. `stored`: it is used as stored. */
  orientation?: Orienting | undefined
}

/** How the files of a source are read. */
export interface Reading {
  readonly onError: OnBadFile
  readonly limits?: JpegLimits | undefined
  readonly orientation?: Orienting | undefined
}

/**
 * How images are oriented: as their Exif data says, or as they are stored.
 *
 * @inline
 */
export type Orienting = 'exif' | 'stored'

const count = z.int().min(1)

export const limitsSchema = z.strictObject({
  bytes: memorySchema.optional(),
  pixels: count.optional(),
  components: count.max(2 ** 32 - 1).optional(),
  scans: count.max(2 ** 32 - 1).optional(),
  memory: memorySchema.optional(),
  work: count.optional(),
}) satisfies z.ZodType<JpegLimits>

export const orientingSchema = z.enum(['exif', 'stored']) satisfies z.ZodType<Orienting>

export const readShape = {
  onError: z.enum(['error', 'use']).optional(),
  limits: limitsSchema.optional(),
  orientation: orientingSchema.optional(),
}

export const readOptionsSchema = z.strictObject(readShape) satisfies z.ZodType<JpegReadOptions>

/** Options as the addon takes them. */
export function reading({
  onError,
  limits,
  orientation,
}: Omit<JpegReadOptions, 'onError'> & { onError?: OnBadFile | undefined } = {}): BindingReadOptions {
  return withoutUndefined({
    useDamaged: onError === 'use',
    ignoreOrientation: orientation === 'stored',
    ...limits,
    bytes: bytesOf(limits?.bytes),
    memory: bytesOf(limits?.memory),
  })
}
