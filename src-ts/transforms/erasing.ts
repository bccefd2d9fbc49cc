/** Parts of images painted over. */
import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import type { ProbabilityOptions } from './geometry.js'
import { fillSchema, probability, range, side, type Fill } from './sizes.js'

/** Something painted over images, as plain data. */
export type ErasingTransform =
  | {
      readonly type: 'randomErasing'
      readonly probability: number
      readonly scale: readonly [number, number]
      readonly ratio: readonly [number, number]
      readonly fill: Fill
    }
  | { readonly type: 'cutout'; readonly size: number; readonly fill: Fill }

export const erasingSchemas = [
  z.strictObject({ type: z.literal('randomErasing'), probability, scale: range, ratio: range, fill: fillSchema }),
  z.strictObject({ type: z.literal('cutout'), size: side, fill: fillSchema }),
] as const

/** Options of {@link randomErasing}. */
export interface RandomErasingOptions extends ProbabilityOptions {
  /** Least and largest share of the area; 0.02 and 0.33 by default. */
  scale?: readonly [number, number] | undefined
  /** Least and largest proportion, height by width; 0.3 and 3.3 by default. */
  ratio?: readonly [number, number] | undefined
  /** The colour; `mean` by default. */
  fill?: Fill | undefined
}

/** Options of {@link cutout}. */
export interface CutoutOptions {
  /** The colour; `mean` by default. */
  fill?: Fill | undefined
}

/**
 * A rectangle of random area and proportions, anywhere within the image (Zhong et al., 2020; torchvision's `RandomErasing`).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function randomErasing(options: RandomErasingOptions = {}): ErasingTransform {
  const schema = z.strictObject({
    probability: probability.optional(),
    scale: range.optional(),
    ratio: range.optional(),
    fill: fillSchema.optional(),
  }) satisfies z.ZodType<RandomErasingOptions>
  const { scale = [0.02, 0.33], ratio = [0.3, 3.3], ...rest } = checked(schema, options, 'randomErasing')
  const { probability: likely = 0.5, fill = 'mean' } = rest
  return frozen({ type: 'randomErasing', probability: likely, scale, ratio, fill })
}

/**
 * A square with its centre anywhere in the image, as far as it lies within (DeVries and Taylor, 2017).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function cutout(size: number, options: CutoutOptions = {}): ErasingTransform {
  const schema = z.strictObject({ fill: fillSchema.optional() }) satisfies z.ZodType<CutoutOptions>
  const { fill = 'mean' } = checked(schema, options, 'cutout')
  return frozen({ type: 'cutout', size: checked(side, size, 'cutout.size'), fill })
}
