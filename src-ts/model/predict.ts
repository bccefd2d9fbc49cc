import * as z from 'zod'
import type { JpegWarning } from '../data/reading.js'
import { frozen } from '../layers/freeze.js'

/** A picture to classify: a path, or the bytes of a file with or without a name. */
export type Picture = string | Uint8Array | { name: string; jpeg: Uint8Array }

const jpeg = z.instanceof(Uint8Array)
const picture = z.union([z.string().min(1), jpeg, z.strictObject({ name: z.string(), jpeg })], {
  error: 'a path, the bytes of a JPEG file, or both as { name, jpeg }',
})

export const picturesSchema = z.array(picture) satisfies z.ZodType<Picture[]>

/** What a model said of one picture. */
export interface Prediction {
  file: string
  /** One a class, in the order of the model's labels. */
  logits: readonly number[]
  /** All classes, the likeliest first. */
  classes: readonly ClassProbability[]
  /** What the decoder doubted; none unless damaged files are used. */
  warnings: readonly JpegWarning[]
}

/** What a model makes of one picture before it tells classes apart. */
export interface Embedding {
  file: string
  /** What the last layer is given: one a channel of the last feature maps, their means. */
  features: Float32Array
  /** What the decoder doubted; none unless damaged files are used. */
  warnings: readonly JpegWarning[]
}

/** Features of one picture, in memory of their own. */
export function embedding(file: string, features: Float32Array, warnings: readonly JpegWarning[]): Embedding {
  return { file, features: features.slice(), warnings: frozen(warnings) }
}

/** How likely a class is. */
export interface ClassProbability {
  label: string
  probability: number
}

/** Logits of one picture as a prediction. Its classes are ranked when they are first looked at: some only want logits. */
export function prediction(
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
