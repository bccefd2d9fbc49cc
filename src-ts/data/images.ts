import * as z from 'zod'
import { checked } from '../options.js'
import { bytesSchema, type JpegBytes } from './bytes.js'
import { sourceOptionsSchema, type SourceOptions } from './folder.js'
import type { Reading } from './reading.js'

/** An image in memory with its class. */
export interface LabelledImage<Bytes = JpegBytes> {
  /** The bytes of a JPEG file. */
  jpeg: Bytes
  /** Its class by name. */
  label: string
  /** What errors call it; its number by default. */
  name?: string | undefined
}

/** A JPEG file with its class. */
export interface LabelledFile {
  /** Its path. */
  file: string
  /** Its class by name. */
  label: string
}

/** Images in memory. */
export interface JpegImages extends Reading {
  readonly type: 'images'
  readonly images: readonly LabelledImage[]
}

/** JPEG files wherever they lie. They are read when they are used. */
export interface JpegFiles extends Reading {
  readonly type: 'files'
  readonly files: readonly LabelledFile[]
}

const label = z.string().min(1)

export const imageSchema = z.strictObject({
  jpeg: bytesSchema,
  label,
  name: z.string().optional(),
}) satisfies z.ZodType<LabelledImage>

const filesSchema = z.array(z.strictObject({ file: z.string().min(1), label })) satisfies z.ZodType<LabelledFile[]>

/**
 * Images in memory, each with its class.
 *
 * @throws ModelError `INVALID_OPTION` if an entry has no bytes or no label
 */
export function jpegImages(images: readonly LabelledImage[], options: SourceOptions = {}): JpegImages {
  const { onError = 'error', limits, orientation } = checked(sourceOptionsSchema, options, 'jpegImages')
  return Object.freeze({
    type: 'images',
    images: checked(z.array(imageSchema), images, 'jpegImages'),
    onError,
    limits,
    orientation,
  })
}

/**
 * JPEG files, each with its class.
 *
 * @throws ModelError `INVALID_OPTION` if an entry has no path or no label
 */
export function jpegFiles(files: readonly LabelledFile[], options: SourceOptions = {}): JpegFiles {
  const { onError = 'error', limits, orientation } = checked(sourceOptionsSchema, options, 'jpegFiles')
  return Object.freeze({ type: 'files', files: checked(filesSchema, files, 'jpegFiles'), onError, limits, orientation })
}
