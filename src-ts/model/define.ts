import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { layerSchema, type Layer } from '../layers/layer.js'
import { checked, withoutUndefined } from '../options.js'
import type { Transform } from '../transforms/transform.js'
import { inputSchema, modelDefinitionSchema, type ModelDefinition } from './definition.js'
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

/** Options of {@link defineModel}; a mode, if given, replaces the masking of every activation. */
export interface ModelOptions extends ModeOptions {
  /** The model's name in summaries and files. */
  name: string
  input: InputOptions
  /** All layers, from the input to the logits. */
  layers: Layer
}

const modelOptionsSchema = z.strictObject({
  name: z.string().min(1),
  input: inputSchema.partial({ mean: true, std: true }),
  layers: layerSchema,
  ...modeShape,
}) satisfies z.ZodType<ModelOptions>

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
