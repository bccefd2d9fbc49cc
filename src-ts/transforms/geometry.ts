/** Crops, resizes, flips, turns: all of a list are one resampling, straight from a file's coefficients. */
import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import {
  filterSchema,
  interpolationShape,
  paddingOf,
  paddingSchema,
  paddingShape,
  probability,
  range,
  side,
  sides,
  sidesOf,
  sizeSchema,
  type Interpolation,
  type Padding,
  type PaddingOptions,
  type Size,
} from './sizes.js'

/** Something done to the shape of images, as plain data. */
export type GeometryTransform =
  | {
      readonly type: 'resize'
      readonly size: { readonly shorter: number } | { readonly width: number; readonly height: number }
      readonly filter: Interpolation
    }
  | { readonly type: 'crop'; left: number; top: number; width: number; height: number }
  | { readonly type: 'cover'; width: number; height: number; filter: Interpolation }
  | { readonly type: 'centerCrop'; width: number; height: number }
  | { readonly type: 'pad'; sides: readonly [number, number, number, number]; padding: Padding }
  | { readonly type: 'randomCrop'; width: number; height: number; margin: number; padding: Padding }
  | {
      readonly type: 'randomResizedCrop'
      width: number
      height: number
      scale: readonly [number, number]
      ratio: readonly [number, number]
      filter: Interpolation
    }
  | { readonly type: 'flipHorizontally'; probability: number }
  | { readonly type: 'flipVertically'; probability: number }
  | { readonly type: 'rotate'; quarters: readonly number[] }

const length = z.int().min(0).max(65_500)
const quarter = z.int().min(0).max(3)

export const geometrySchemas = [
  z.strictObject({
    type: z.literal('resize'),
    size: z.union([z.strictObject({ shorter: side }), z.strictObject(sides)]),
    filter: filterSchema,
  }),
  z.strictObject({ type: z.literal('crop'), left: length, top: length, ...sides }),
  z.strictObject({ type: z.literal('cover'), ...sides, filter: filterSchema }),
  z.strictObject({ type: z.literal('centerCrop'), ...sides }),
  z.strictObject({
    type: z.literal('pad'),
    sides: z.tuple([length, length, length, length]).readonly(),
    padding: paddingSchema,
  }),
  z.strictObject({ type: z.literal('randomCrop'), ...sides, margin: length, padding: paddingSchema }),
  z.strictObject({ type: z.literal('randomResizedCrop'), ...sides, scale: range, ratio: range, filter: filterSchema }),
  z.strictObject({ type: z.literal('flipHorizontally'), probability }),
  z.strictObject({ type: z.literal('flipVertically'), probability }),
  z.strictObject({ type: z.literal('rotate'), quarters: z.array(quarter).min(1).readonly() }),
] as const

/** Options of transforms that resample. */
export interface ResamplingOptions {
  /** The filter; `bilinear` by default. */
  interpolation?: Interpolation | undefined
}

/** Options of {@link randomCrop}. */
export interface RandomCropOptions extends PaddingOptions {
  /** Pixels added on every side before; 0 by default. */
  padding?: number | undefined
}

/** Options of {@link randomResizedCrop}. */
export interface RandomResizedCropOptions extends ResamplingOptions {
  /** Least and largest share of the image's area; 0.08 and 1 by default. */
  scale?: readonly [number, number] | undefined
  /** Least and largest proportion, width by height; 3/4 and 4/3 by default. */
  ratio?: readonly [number, number] | undefined
}

/** Options of transforms that happen to some images. */
export interface ProbabilityOptions {
  /** How likely; 0.5 unless the transform says otherwise. */
  probability?: number | undefined
}

/** A rectangle of pixels. */
export interface CropOptions {
  /** Columns to the left of it. */
  left: number
  /** Rows above it. */
  top: number
  width: number
  height: number
}

const resamplingSchema = z.strictObject(interpolationShape) satisfies z.ZodType<ResamplingOptions>
const probabilitySchema = z.strictObject({
  probability: probability.optional(),
}) satisfies z.ZodType<ProbabilityOptions>

/**
 * Resized: to both sides, whatever the proportions; or, for a number, so that the shorter side has it and the proportions
 * stay (torchvision's `Resize`).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function resize(size: Size, options: ResamplingOptions = {}): GeometryTransform {
  const given = checked(sizeSchema, size, 'resize.size')
  const { interpolation = 'bilinear' } = checked(resamplingSchema, options, 'resize')
  const whole = typeof given === 'number' ? { shorter: given } : given
  return frozen({ type: 'resize', size: whole, filter: interpolation })
}

/**
 * A rectangle of pixels; images that do not hold it are an error.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function crop(options: CropOptions): GeometryTransform {
  const schema = z.strictObject({ left: length, top: length, ...sides }) satisfies z.ZodType<CropOptions>
  return frozen({ type: 'crop', ...checked(schema, options, 'crop') })
}

/**
 * The middle; images that are smaller are padded with black (torchvision's `CenterCrop`).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function centerCrop(size: Size): GeometryTransform {
  return frozen({ type: 'centerCrop', ...sidesOf(checked(sizeSchema, size, 'centerCrop.size')) })
}

/**
 * Resized in proportion until it covers a size, and of that the middle. What a model does, unless told otherwise, to images
 * that are not of its size.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function cover(size: Size, options: ResamplingOptions = {}): GeometryTransform {
  const { width, height } = sidesOf(checked(sizeSchema, size, 'cover.size'))
  const { interpolation = 'bilinear' } = checked(resamplingSchema, options, 'cover')
  return frozen({ type: 'cover', width, height, filter: interpolation })
}

/**
 * Pixels added around the image: as many on every side, or at the left, top, right and bottom.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function pad(
  pixels: number | readonly [number, number, number, number],
  options: PaddingOptions = {},
): GeometryTransform {
  const schema = z.union([length, z.tuple([length, length, length, length]).readonly()], {
    error: 'a number of pixels, or four: left, top, right, bottom',
  })
  const given = checked(schema, pixels, 'pad.pixels')
  const padding = paddingOf(checked(z.strictObject(paddingShape) satisfies z.ZodType<PaddingOptions>, options, 'pad'))
  return frozen({ type: 'pad', sides: typeof given === 'number' ? [given, given, given, given] : given, padding })
}

/**
 * A part of that size, anywhere, of the padded image (torchvision's `RandomCrop`).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function randomCrop(size: Size, options: RandomCropOptions = {}): GeometryTransform {
  const schema = z.strictObject({ ...paddingShape, padding: length.optional() }) satisfies z.ZodType<RandomCropOptions>
  const given = sidesOf(checked(sizeSchema, size, 'randomCrop.size'))
  const { padding: margin = 0, ...rest } = checked(schema, options, 'randomCrop')
  return frozen({ type: 'randomCrop', ...given, margin, padding: paddingOf(rest) })
}

/**
 * A part of random area and proportions, anywhere, resized to that size (torchvision's `RandomResizedCrop`): cut first, so
 * that no pixel beyond it has a part in the result.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function randomResizedCrop(size: Size, options: RandomResizedCropOptions = {}): GeometryTransform {
  const schema = z.strictObject({
    ...interpolationShape,
    scale: range.optional(),
    ratio: range.optional(),
  }) satisfies z.ZodType<RandomResizedCropOptions>
  const given = sidesOf(checked(sizeSchema, size, 'randomResizedCrop.size'))
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3], interpolation } = checked(schema, options, 'randomResizedCrop')
  return frozen({ type: 'randomResizedCrop', ...given, scale, ratio, filter: interpolation ?? 'bilinear' })
}

/**
 * Left and right exchanged.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function randomHorizontalFlip(options: ProbabilityOptions = {}): GeometryTransform {
  const { probability = 0.5 } = checked(probabilitySchema, options, 'randomHorizontalFlip')
  return frozen({ type: 'flipHorizontally', probability })
}

/**
 * Top and bottom exchanged.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function randomVerticalFlip(options: ProbabilityOptions = {}): GeometryTransform {
  const { probability = 0.5 } = checked(probabilitySchema, options, 'randomVerticalFlip')
  return frozen({ type: 'flipVertically', probability })
}

/**
 * Turned clockwise by a number of right angles picked from these; from 0 to 3 by default. One number always turns so.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function randomRightAngle(quarters: readonly number[] = [0, 1, 2, 3]): GeometryTransform {
  const given = checked(z.array(quarter).min(1).readonly(), quarters, 'randomRightAngle.quarters')
  return frozen({ type: 'rotate', quarters: [...given] })
}
