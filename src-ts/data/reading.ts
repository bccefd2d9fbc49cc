/** How files are read: what they may ask for, and what becomes of damaged ones. */
import * as z from 'zod'
import type { BindingReadOptions } from '../native/addon.js'
import { withoutUndefined } from '../options.js'
import { bytesOf, memorySchema, type MemorySize } from './memory.js'

/**
 * What to do about a file that gives no coefficients or doubtful ones: stop with an error that names it; `skip` it; or `use`
 * what libjpeg made of a file that ends early or is damaged. One that gives nothing stays an error with `use`.
 */
export type OnBadFile = 'error' | 'skip' | 'use'

/** What a file may ask for. Its header is held to it before memory is taken for its coefficients. */
export interface JpegLimits {
  /** Most bytes of the file; 128 MiB unless given. A longer one is not read into memory. */
  bytes?: MemorySize | undefined
  /** Largest width times height; 2²⁷ (134 megapixels) unless given. */
  pixels?: number | undefined
  /** Most components; 4 unless given. */
  components?: number | undefined
  /** Most scans, each of which costs a pass over coefficients; 500 unless given. Encoders write about ten. */
  scans?: number | undefined
  /** Most memory for the coefficients of a file while it is read; 2 GiB unless given. */
  memory?: MemorySize | undefined
  /**
   * Most milliseconds of work; 1000 unless given. Work is counted and not timed, so that the same files are read on every
   * machine: what bytes, blocks and scans can cost on one core of the machine of docs/security.md.
   */
  work?: number | undefined
}

/** A doubt of the decoder's about a file that was used all the same. */
export interface JpegWarning {
  /** libjpeg's words. */
  message: string
  /** How often it said them. */
  count: number
}

/** A file that was used in spite of doubts. */
export interface WarnedFile {
  file: string
  warnings: readonly JpegWarning[]
}

/** How one file is read. */
export interface JpegReadOptions {
  /** What to do about one that ends early or is damaged: an error, unless it shall be used as far as it goes. */
  onError?: 'error' | 'use' | undefined
  limits?: JpegLimits | undefined
  /** Whether the picture is turned upright as its Exif data says (`exif`), as it is unless given, or taken as it is stored. */
  orientation?: Orienting | undefined
}

/** How the files of a source are read. */
export interface Reading {
  readonly onError: OnBadFile
  readonly limits?: JpegLimits | undefined
  readonly orientation?: Orienting | undefined
}

/**
 * How pictures are oriented: as their Exif data says, or as they are stored.
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
