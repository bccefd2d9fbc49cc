import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { layerSchema, type Layer } from '../layers/layer.js'
import { frequenciesSchema } from '../layers/masking.js'
import { checked, withoutUndefined } from '../options.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { completeMode, modeShape, withMode, type ModeOptions } from './mode.js'

/** What a model takes in. */
export interface InputOptions {
  /** 3 (red, green, blue) or 1 (luminance). */
  channels: number
  /** Pixels from top to bottom: any number; it need not fill blocks. */
  height: number
  /** Pixels from left to right. */
  width: number
  /** Mean of each channel's samples in 0…1, taken off; 0.5 unless given. */
  mean?: readonly number[] | undefined
  /** Deviation of each channel's samples in 0…1, divided by; 0.5 unless given. */
  std?: readonly number[] | undefined
  /**
   * What is done to every picture that the model is asked about or tested on, before whatever still is not of its size is
   * resized in proportion until it covers it and cut to its middle, as {@link cover} does; nothing unless given.
   */
  transform?: readonly Transform[] | undefined
  /**
   * Whether samples and colours are clamped to 0…255, as in a picture that was decoded to 8 bits: `exact`; they are left as
   * the file says, `linear`, unless given. Only blocks that can leave the range are decoded for it.
   */
  colour?: 'linear' | 'exact' | undefined
}

/** What a model takes in, complete. */
export interface InputDefinition {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly transform?: readonly Transform[] | undefined
  readonly colour?: 'linear' | 'exact' | undefined
}

/** Options of {@link defineModel}; a mode, if given, replaces the masking of every nonlinearity. */
export interface ModelOptions extends ModeOptions {
  /** What the model is called in summaries and files. */
  name: string
  input: InputOptions
  /** From the input to the logits. */
  layers: Layer
}

/** A whole model as plain data: what goes in and which layers it passes. */
export interface ModelDefinition {
  readonly name: string
  readonly input: InputDefinition
  readonly layers: Layer
  /** If band-limited: diagonals α + β that every feature map keeps of its blocks, 1…15 (φ). */
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
 * A model's definition: frozen plain data that can be written as JSON and read back. {@link createModel} infers its shapes.
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
