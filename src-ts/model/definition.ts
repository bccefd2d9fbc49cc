import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { layerSchema, type Layer } from '../layers/layer.js'
import { frequenciesSchema } from '../layers/masking.js'
import { checked, withoutUndefined } from '../options.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { completeMode, modeShape, withMode, type ModeOptions } from './mode.js'

/** The input of a model. */
export interface InputOptions {
  /** 3 (red, green, blue) or 1 (luminance). */
  channels: number
  /** Height in pixels; it need not be a multiple of 8. */
  height: number
  /** Pixels from left to right. */
  width: number
  /** Mean that is subtracted from each channel, on a scale of 0…1; 0.5 by default. */
  mean?: readonly number[] | undefined
  /** Standard deviation that each channel is divided by, on a scale of 0…1; 0.5 by default. */
  std?: readonly number[] | undefined
  /**
   * Transforms of every image for prediction and testing; none by default. Images that do not have the input size after them are resized
   * and centre-cropped, as by {@link cover}.
   */
  transform?: readonly Transform[] | undefined
  /**
   * `exact`: samples and colours are clamped to 0…255, as in an image that was decoded to 8 bits. `linear` (default): they are not clamped.
   */
  colour?: 'linear' | 'exact' | undefined
}

/** The input of a model, with defaults filled in. */
export interface InputDefinition {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly transform?: readonly Transform[] | undefined
  readonly colour?: 'linear' | 'exact' | undefined
}

/** Options of {@link defineModel}; a mode, if given, replaces the masking of every activation. */
export interface ModelOptions extends ModeOptions {
  /** The model's name in summaries and files. */
  name: string
  input: InputOptions
  /** All layers, from the input to the logits. */
  layers: Layer
}

/** The definition of a model as plain data: its input and its layers. */
export interface ModelDefinition {
  readonly name: string
  readonly input: InputDefinition
  readonly layers: Layer
  /** In the band-limited mode: how many DCT frequencies (diagonals α + β of a block) every feature map keeps, 1…15 (φ). */
  readonly band?: number | undefined
}

const sizes = { channels: z.literal([1, 3]), height: z.int().min(1), width: z.int().min(1) }
const mean = z.array(z.number())
const std = z.array(z.number().positive())
const transform = transformsSchema.optional()
const colour = z.enum(['linear', 'exact']).optional()

const modelOptionsSchema = z.strictObject({
  name: z.string().min(1),
  input: z.strictObject({
    ...sizes,
    mean: mean.readonly().optional(),
    std: std.readonly().optional(),
    transform,
    colour,
  }),
  layers: layerSchema,
  ...modeShape,
}) satisfies z.ZodType<ModelOptions>

export const modelDefinitionSchema = z
  .strictObject({
    name: z.string().min(1),
    input: z.strictObject({ ...sizes, mean: mean.readonly(), std: std.readonly(), transform, colour }),
    layers: layerSchema,
    band: frequenciesSchema.optional(),
  })
  .superRefine(({ input }, context) => {
    for (const key of ['mean', 'std'] as const) {
      if (input[key].length !== input.channels) {
        const message = `${input.channels} values, one a channel`
        context.addIssue({ code: 'custom', path: ['input', key], message, input: input[key] })
      }
    }
  }) satisfies z.ZodType<ModelDefinition>

/**
 * Defines a model. The result is frozen plain data that can be written as JSON and read back. {@link createModel} checks the shapes.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function defineModel(options: ModelOptions): ModelDefinition {
  const { name, input, layers, ...mode } = checked(modelOptionsSchema, options, 'defineModel')
  const { mean = Array<number>(input.channels).fill(0.5), std = Array<number>(input.channels).fill(0.5) } = input
  const complete = { ...withoutUndefined(input), mean, std }
  const whole = checked(modelDefinitionSchema, { name, input: complete, layers }, 'defineModel')
  return frozen(withMode(whole, completeMode(mode, whole, 'defineModel')))
}
