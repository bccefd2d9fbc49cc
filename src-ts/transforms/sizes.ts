/** What several transforms are told: sizes, filters, colours. */
import * as z from 'zod'

/** A side of a square, or both sides, in pixels. */
export type Size = number | { width: number; height: number }

/** How pixels are resampled; always with antialiasing, as Pillow does it. */
export type Interpolation = 'bilinear' | 'bicubic' | 'lanczos'

/** A colour: one grey level 0…255, those of red, green and blue, or `mean`, what the model's normalisation makes 0. */
export type Fill = number | readonly [number, number, number] | 'mean'

/** What pixels beyond an image hold: a colour, the pixel at the edge, or the image mirrored at that pixel. */
export type Padding =
  { readonly mode: 'constant'; readonly fill: Fill } | { readonly mode: 'edge' } | { readonly mode: 'reflect' }

/** Options of transforms that pad. */
export interface PaddingOptions {
  /** What pixels beyond the image hold: `constant`, a colour by default. */
  mode?: Padding['mode'] | undefined
  /** The colour; black by default. */
  fill?: Fill | undefined
}

/** Longest side of an image: that of a JPEG. */
const LONGEST = 65_500

export const side = z.int().min(1).max(LONGEST)
export const sides = { width: side, height: side }
export const sizeSchema = z.union([side, z.strictObject(sides)], {
  error: 'a number of pixels, or { width, height }',
}) satisfies z.ZodType<Size>
export const filterSchema = z.enum(['bilinear', 'bicubic', 'lanczos']) satisfies z.ZodType<Interpolation>
export const interpolationShape = { interpolation: filterSchema.optional() }
export const probability = z.number().min(0).max(1)

const level = z.number()
export const fillSchema = z.union([level, z.tuple([level, level, level]).readonly(), z.literal('mean')], {
  error: "a grey level, three of them, or 'mean'",
}) satisfies z.ZodType<Fill>
export const paddingSchema = z.discriminatedUnion('mode', [
  z.strictObject({ mode: z.literal('constant'), fill: fillSchema }),
  z.strictObject({ mode: z.literal('edge') }),
  z.strictObject({ mode: z.literal('reflect') }),
]) satisfies z.ZodType<Padding>
export const paddingShape = {
  mode: z.enum(['constant', 'edge', 'reflect']).optional(),
  fill: fillSchema.optional(),
}

/** Least and most, both above 0. */
export const range = z
  .tuple([z.number().positive(), z.number().positive()])
  .readonly()
  .refine(([least, most]) => least <= most, { error: 'least and most' })

export function sidesOf(size: Size): { width: number; height: number } {
  return typeof size === 'number' ? { width: size, height: size } : { width: size.width, height: size.height }
}

export function paddingOf({ mode = 'constant', fill = 0 }: PaddingOptions): Padding {
  return mode === 'constant' ? { mode, fill } : { mode }
}
