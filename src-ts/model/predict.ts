import * as z from 'zod'
import { bytesSchema, jpegFileSchema, opened, readBytes, type JpegBytes, type JpegFile } from '../data/bytes.js'
import { throwIfAborted } from '../data/iteration.js'
import { readShape, type JpegReadOptions, type JpegWarning } from '../data/reading.js'
import { ModelError } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { abortSignal, checked } from '../options.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { completeMode, modeShape, type Mode, type ModeOptions } from './mode.js'
import type { NativeJpegSet } from '../native/addon.js'
import type { Network } from './network.js'
import { viewsOfAll, type NamedPicture, type ViewOptions, type Views } from './views.js'

/** An image to classify: a path or `file:` URL, or the bytes of a file, whatever they are in, with or without a name. */
export type Picture = JpegFile | { name: string; jpeg: JpegBytes }

/** Options of {@link Model.predict} and {@link Model.predictEach}; a mode, if given, replaces the definition's. */
export interface PredictOptions extends ModeOptions, JpegReadOptions {
  /** Largest number of images in a batch; 64 by default. It changes results only by float32 rounding. */
  batchSize?: number | undefined
  /** Transforms of every image; the definition's by default. */
  transform?: readonly Transform[] | undefined
  /** Ends the prediction between two batches with an `ABORTED` error. */
  signal?: AbortSignal | undefined
}

const namedSchema = z.strictObject({ name: z.string(), jpeg: bytesSchema })

export const pictureSchema = z.union([jpegFileSchema, namedSchema], {
  error: 'a path, the bytes of a JPEG file, or both as { name, jpeg }',
}) satisfies z.ZodType<Picture>

export const picturesSchema = z.array(pictureSchema) satisfies z.ZodType<Picture[]>

const predictOptionsSchema = z.strictObject({
  ...modeShape,
  batchSize: z.int().min(1).optional(),
  transform: transformsSchema.optional(),
  signal: abortSignal.optional(),
  ...readShape,
}) satisfies z.ZodType<PredictOptions>

/** Options as a prediction uses them. */
interface PredictSettings {
  batchSize: number
  mode: Mode | undefined
  signal: AbortSignal | undefined
  view: ViewOptions
}

/** @throws ModelError `INVALID_OPTION`, `DISPOSED` */
export function predictSettings(network: Network, options: PredictOptions, where: string): PredictSettings {
  const {
    batchSize = 64,
    signal,
    transform,
    onError,
    limits,
    orientation,
    ...mode
  } = checked(predictOptionsSchema, options, where)
  const settings = {
    batchSize,
    mode: completeMode(mode, network.definition, where),
    signal,
    view: { transform, onError, limits, orientation },
  }
  network.assertUsable()
  return settings
}

/** The prediction for one image. */
export interface Prediction {
  file: string
  /** One logit for each class, in the order of the model's labels. */
  logits: readonly number[]
  /** All classes, the most probable first. */
  classes: readonly ClassProbability[]
  /** libjpeg's warnings; none unless damaged files are used. */
  warnings: readonly JpegWarning[]
}

/** The features of one image. */
export interface Embedding {
  file: string
  /** The input of the last layer: the mean of each channel of the last feature maps. */
  features: Float32Array
  /** libjpeg's warnings; none unless damaged files are used. */
  warnings: readonly JpegWarning[]
}

/** A class and its probability. */
export interface ClassProbability {
  label: string
  probability: number
}

/** Classifies images, all of which must be good. */
export function predict(
  network: Network,
  pictures: Picture | readonly Picture[],
  options: PredictOptions,
): Promise<Prediction[]> {
  return ofBatches(network, pictures, options, 'predict', predictionsOf)
}

/** Features of images, all of which must be good. */
export function embed(
  network: Network,
  pictures: Picture | readonly Picture[],
  options: PredictOptions,
): Promise<Embedding[]> {
  return ofBatches(network, pictures, options, 'embed', embeddingsOf)
}

/** What a batch of images that have views comes to. */
type BatchOf<T> = (
  network: Network,
  pictures: readonly NamedPicture[],
  views: Views,
  mode: Mode | undefined,
) => Promise<T[]>

async function ofBatches<T>(
  network: Network,
  pictures: Picture | readonly Picture[],
  options: PredictOptions,
  where: string,
  ofBatch: BatchOf<T>,
): Promise<T[]> {
  const { batchSize, mode, signal, view } = predictSettings(network, options, where)
  const all = checked(picturesSchema, Array.isArray(pictures) ? pictures : [pictures], where)
  const found: T[] = []
  for (let start = 0; start < all.length; start += batchSize) {
    const some = await network.inTurn(async () => {
      throwIfAborted(signal)
      const pictures = all.slice(start, start + batchSize)
      const batch = await Promise.all(pictures.map((picture, index) => named(picture, start + index, signal)))
      const views = await viewsOfAll(network.definition.input, batch, view)
      return ofBatch(network, batch, views, mode)
    })
    found.push(...some)
  }
  return found
}

/** An image with its bytes, if it is not a file's path, or why they cannot be had; one without a name has its number. */
export async function named(picture: Picture, number: number, signal?: AbortSignal): Promise<NamedPicture> {
  const unnamed = `image ${number}`
  const isNamed = typeof picture === 'object' && 'jpeg' in picture
  try {
    if (!isNamed) return await opened(picture, unnamed, unnamed, signal)
    return { name: picture.name, jpeg: await readBytes(picture.jpeg, picture.name, signal) }
  } catch (error) {
    if (!(error instanceof ModelError) || error.code === 'ABORTED') throw error
    return { name: isNamed ? picture.name : (error.path ?? unnamed), jpeg: undefined, error }
  }
}

/** Predictions of the images that have views, which are disposed of. */
export function predictionsOf(
  network: Network,
  pictures: readonly NamedPicture[],
  views: Views,
  mode: Mode | undefined,
): Promise<Prediction[]> {
  const outputs = (set: NativeJpegSet, indices: Uint32Array) => network.logits(set, mode, indices)
  return rowsOf(pictures, views, outputs, (name, row, warnings) => prediction(name, [...row], network.labels, warnings))
}

/** Features of the images that have views, which are disposed of. */
function embeddingsOf(
  network: Network,
  pictures: readonly NamedPicture[],
  views: Views,
  mode: Mode | undefined,
): Promise<Embedding[]> {
  const outputs = (set: NativeJpegSet, indices: Uint32Array) => network.features(set, mode, indices)
  return rowsOf(pictures, views, outputs, (file, row, warnings) => ({
    file,
    // In memory of its own, rather than its batch's.
    features: row.slice(),
    warnings: frozen(warnings),
  }))
}

/** A row of a network's outputs for every image that has a view. */
async function rowsOf<T>(
  pictures: readonly NamedPicture[],
  { set, indices, warnings, failures }: Views,
  outputs: (set: NativeJpegSet, indices: Uint32Array) => Promise<Float32Array>,
  use: (name: string, row: Float32Array, warnings: readonly JpegWarning[]) => T,
): Promise<T[]> {
  try {
    if (indices.length === 0) return []
    const values = await outputs(set, indices)
    const length = values.length / indices.length
    return pictures
      .filter((_, position) => !failures.has(position))
      .map(({ name }, at) => use(name, values.subarray(at * length, (at + 1) * length), warnings[at] ?? []))
  } finally {
    set.dispose()
  }
}

/** Logits of one image as a prediction. Its classes are ranked when they are first looked at: some only want logits. */
function prediction(
  file: string,
  logits: number[],
  labels: readonly string[] | undefined,
  warnings: readonly JpegWarning[],
): Prediction {
  let ranked: readonly ClassProbability[] | undefined
  return Object.freeze({
    file,
    logits: Object.freeze(logits),
    get classes() {
      return (ranked ??= ranking(logits, labels))
    },
    warnings: frozen(warnings),
  })
}

function ranking(logits: readonly number[], labels: readonly string[] | undefined): readonly ClassProbability[] {
  const probabilities = softmax(logits)
  const classes = probabilities.map((probability, index) => ({ label: labels?.[index] ?? String(index), probability }))
  return frozen(classes.sort((a, b) => b.probability - a.probability))
}

export function softmax(logits: readonly number[]): number[] {
  const shift = Math.max(...logits)
  const powers = logits.map(logit => Math.exp(logit - shift))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map(power => power / sum)
}
