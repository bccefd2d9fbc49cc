/** What all networks here have in common: the options, and how they become a definition. */
import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import type { Layer } from '../layers/layer.js'
import { defineModel } from '../model/define.js'
import type { ModelDefinition } from '../model/definition.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { completeMode, modeShape, withMode, type ModeOptions } from '../model/mode.js'

/** Options that all networks here have; the mode is exact by default. */
export interface NetworkOptions extends ModeOptions {
  /** 3 (colour) or 1 (luminance); 3 by default. */
  channels?: number | undefined
  /** Number of classes; 10 by default, 1000 for the networks of ImageNet. */
  classes?: number | undefined
  /** Input height in pixels; 32 by default, 224 for the networks of ImageNet. */
  height?: number | undefined
  /** Input width in pixels; 32 by default, 224 for the networks of ImageNet. */
  width?: number | undefined
  /** Mean of each channel's samples in 0…1; 0.5 by default. */
  mean?: readonly number[] | undefined
  /** Standard deviation of each channel's samples in 0…1; 0.5 by default. */
  std?: readonly number[] | undefined
  /** Transforms for prediction and testing; see {@link InputOptions.transform}. */
  transform?: readonly Transform[] | undefined
  /** Whether colours are clamped to 0…255, as in a decoded image (`exact`); see {@link InputOptions.colour}. */
  colour?: 'linear' | 'exact' | undefined
}

export const networkShape = {
  channels: z.literal([1, 3]).optional(),
  classes: z.int().min(1).optional(),
  height: z.int().min(1).optional(),
  width: z.int().min(1).optional(),
  mean: z.array(z.number()).readonly().optional(),
  std: z.array(z.number().positive()).readonly().optional(),
  transform: transformsSchema.optional(),
  colour: z.enum(['linear', 'exact']).optional(),
  ...modeShape,
}

export const networkOptionsSchema = z.strictObject(networkShape) satisfies z.ZodType<NetworkOptions>

/** Classes of a network that was not told how many. */
export const CLASSES = 10

/**
 * A network of these layers, in the mode that its options say.
 *
 * @param where what an error calls the options
 * @throws ModelError `INVALID_OPTION`
 */
export function network(name: string, layers: Layer, options: NetworkOptions, where: string): ModelDefinition {
  const { channels = 3, height = 32, width = 32, mean, std, transform, colour } = options
  const { mode, frequencies, masking } = options
  const definition = defineModel({ name, input: { channels, height, width, mean, std, transform, colour }, layers })
  return frozen(withMode(definition, completeMode({ mode, frequencies, masking }, definition, where)))
}
