import * as z from 'zod'
import { ModelError } from '../errors.js'
import { checked } from '../options.js'
import { sourceOptionsSchema, type SourceOptions } from './folder.js'
import type { Reading } from './reading.js'
import { imageSchema, type LabelledImage } from './images.js'
import { isIterable, readOnce, until, type AnyIterable, type WebStream } from './iteration.js'
import { readBytes } from './bytes.js'
import { chunks, type Chunk, type StreamEntry } from './chunks.js'

/** Images that come one after the other. They are read when they are used; a generator or a stream once. */
export interface JpegStream extends Reading {
  readonly type: 'stream'
  readonly images: AsyncIterable<LabelledImage> | Iterable<LabelledImage> | WebStream
}

/**
 * Images from an iterable, such as an async generator: a database, an archive, a download. It is read when it is used, in order, and no
 * faster than images are decoded: at most 512 files are in memory besides the packed images, and no more are asked for once each half of
 * them has 32 MiB. Its own errors are thrown as they are; its `return` is called if reading ends before it does. The bytes of an image must
 * stay as they are once they were given.
 *
 * @throws ModelError `INVALID_OPTION` if it is no iterable; when it is used, if it was read before, if what it gives is no image with a
 * label, or if the data set has a memory limit that does not hold all images: they cannot be read again
 */
export function jpegStream(
  images: AsyncIterable<LabelledImage> | Iterable<LabelledImage> | WebStream,
  options: SourceOptions = {},
): JpegStream {
  const { onError = 'error', limits, orientation } = checked(sourceOptionsSchema, options, 'jpegStream')
  const iterable = z.custom<AnyIterable<LabelledImage>>(isIterable, 'an iterable of { jpeg, label, name }')
  return Object.freeze({
    type: 'stream',
    images: checked(iterable, images, 'jpegStream'),
    onError,
    limits,
    orientation,
  })
}

/** The images of a stream, some at a time. */
export function streamed({ images }: JpegStream): (signal: AbortSignal) => AsyncGenerator<Chunk, void> {
  readOnce(images, 'jpegStream')
  return signal => chunks(checkedImages(until(images, signal), signal))
}

async function* checkedImages(
  images: AsyncIterable<LabelledImage>,
  signal: AbortSignal,
): AsyncGenerator<StreamEntry, void> {
  let index = 0
  for await (const image of images) {
    yield await inMemory(checked(imageSchema, image, `jpegStream.${index}`), index, signal)
    index += 1
  }
}

/** An image with its bytes, or why they cannot be had. */
export async function inMemory(
  { jpeg, label, name: given }: LabelledImage,
  index: number,
  signal: AbortSignal,
): Promise<StreamEntry> {
  const name = given ?? `image ${index}`
  try {
    return { jpeg: await readBytes(jpeg, name, signal), label, name }
  } catch (error) {
    if (error instanceof ModelError && error.code !== 'ABORTED') return error
    throw error
  }
}
