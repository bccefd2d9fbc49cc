import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { layerSchema, type Layer, type NamedLayer } from '../layers/layer.js'
import { replaceMasking, type MaskingOptions } from '../layers/masking.js'
import { checked } from '../options.js'

/** What a model takes in. */
export interface InputOptions {
  /** 3 (red, green, blue) or 1 (luminance). */
  channels: number
  /** Pixels from top to bottom; a multiple of 8 for every halving of the network. */
  height: number
  /** Pixels from left to right. */
  width: number
  /** Mean of each channel's samples in 0…1, taken off; 0.5 unless given. */
  mean?: readonly number[] | undefined
  /** Deviation of each channel's samples in 0…1, divided by; 0.5 unless given. */
  std?: readonly number[] | undefined
}

/** What a model takes in, complete. */
export interface InputDefinition {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
}

/** Options of {@link defineModel}. */
export interface ModelOptions {
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
}

const sizes = { channels: z.literal([1, 3]), height: z.int().min(8), width: z.int().min(8) }
const mean = z.array(z.number())
const std = z.array(z.number().positive())

const modelOptionsSchema = z.strictObject({
  name: z.string().min(1),
  input: z.strictObject({ ...sizes, mean: mean.readonly().optional(), std: std.readonly().optional() }),
  layers: layerSchema,
}) satisfies z.ZodType<ModelOptions>

export const modelDefinitionSchema = z
  .strictObject({
    name: z.string().min(1),
    input: z.strictObject({ ...sizes, mean: mean.readonly(), std: std.readonly() }),
    layers: layerSchema,
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
  const { name, input, layers } = checked(modelOptionsSchema, options, 'defineModel')
  const { mean = Array<number>(input.channels).fill(0.5), std = Array<number>(input.channels).fill(0.5) } = input
  return frozen(checked(modelDefinitionSchema, { name, input: { ...input, mean, std }, layers }, 'defineModel'))
}

/** The same model with parts of every nonlinearity's masking replaced. */
export function withMasking(definition: ModelDefinition, masking: MaskingOptions): ModelDefinition {
  const all = (layers: readonly NamedLayer[]) => layers.map(({ name, layer }) => ({ name, layer: replace(layer) }))
  const replace = (layer: Layer): Layer => {
    switch (layer.type) {
      case 'sequential':
        return { ...layer, layers: all(layer.layers) }
      case 'add':
        return { ...layer, branches: layer.branches.map(all), then: all(layer.then) }
      case 'relu':
      case 'leakyRelu':
      case 'clip':
        return { ...layer, ...replaceMasking(layer, masking) }
      default:
        return layer
    }
  }
  return frozen({ ...definition, layers: replace(definition.layers) })
}
