/** Changes of colour: all of a list are one affine map of a pixel's red, green and blue. Nothing is clamped to 0…255. */
import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import type { ProbabilityOptions } from './geometry.js'
import { probability } from './sizes.js'

/**
 * The least and the largest factor.
 *
 * @inline
 */
type Factors = readonly [number, number]

/** Something done to the colours of images, as plain data. */
export type ColourTransform =
  | {
      readonly type: 'colorJitter'
      readonly brightness: Factors
      readonly contrast: Factors
      readonly saturation: Factors
    }
  | { readonly type: 'gray'; readonly probability: number }

const factors = z
  .tuple([z.number().min(0), z.number().min(0)])
  .readonly()
  .refine(([least, most]) => least <= most, { error: 'least and most' })
const amount = z.union([z.number().min(0), factors], { error: 'a number, or least and most factor' })

export const colourSchemas = [
  z.strictObject({ type: z.literal('colorJitter'), brightness: factors, contrast: factors, saturation: factors }),
  z.strictObject({ type: z.literal('gray'), probability }),
] as const

/** Options of {@link colorJitter}: x for factors from 1 − x to 1 + x, or the least and the largest; 0 by default. */
export interface ColorJitterOptions {
  /** Every sample times the factor. */
  brightness?: number | Factors | undefined
  /** Away from, or towards, the image's mean luma. */
  contrast?: number | Factors | undefined
  /** Away from, or towards, each pixel's luma. */
  saturation?: number | Factors | undefined
}

const jitterSchema = z.strictObject({
  brightness: amount.optional(),
  contrast: amount.optional(),
  saturation: amount.optional(),
}) satisfies z.ZodType<ColorJitterOptions>

/**
 * Random factors of brightness, contrast and saturation, in random order (torchvision's `ColorJitter` without hue, and without
 * its clamping: colours beyond 0…255 stay as they are).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function colorJitter(options: ColorJitterOptions): ColourTransform {
  const { brightness, contrast, saturation } = checked(jitterSchema, options, 'colorJitter')
  const [ofBrightness, ofContrast, ofSaturation] = [factorsOf(brightness), factorsOf(contrast), factorsOf(saturation)]
  return frozen({ type: 'colorJitter', brightness: ofBrightness, contrast: ofContrast, saturation: ofSaturation })
}

/** Luma in all channels (torchvision's `Grayscale(3)`). */
export function grayscale(): ColourTransform {
  return frozen({ type: 'gray', probability: 1 })
}

/**
 * Luma in all channels of some images, of one in ten by default.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function randomGrayscale(options: ProbabilityOptions = {}): ColourTransform {
  const schema = z.strictObject({ probability: probability.optional() })
  return frozen({ type: 'gray', probability: checked(schema, options, 'randomGrayscale').probability ?? 0.1 })
}

function factorsOf(amount: number | Factors = 0): Factors {
  return typeof amount === 'number' ? [Math.max(0, 1 - amount), 1 + amount] : amount
}
