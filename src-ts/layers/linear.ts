import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'

/** Options of {@link linear}. */
export interface LinearOptions {
  /** Output features; for the last layer, the number of classes. */
  features: number
  /** Whether output features have a bias; `true` by default. */
  bias?: boolean | undefined
  /** Input features; if given, they are checked. */
  inputFeatures?: number | undefined
}

/** A linear layer on features. */
export interface LinearLayer {
  readonly type: 'linear'
  readonly features: number
  readonly bias: boolean
  readonly inputFeatures?: number | undefined
}

const optionsSchema = z.strictObject({
  features: z.int().min(1),
  bias: z.boolean().optional(),
  inputFeatures: z.int().min(1).optional(),
}) satisfies z.ZodType<LinearOptions>

export const linearSchema = z.strictObject({
  type: z.literal('linear'),
  features: z.int().min(1),
  bias: z.boolean(),
  inputFeatures: z.int().min(1).optional(),
}) satisfies z.ZodType<LinearLayer>

/**
 * `y = W·x + b` on pooled features. Parameters `weight` and `bias` as PyTorch's `Linear`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function linear(options: LinearOptions): LinearLayer {
  const { features, bias = true, inputFeatures } = checked(optionsSchema, options, 'linear')
  return frozen({ type: 'linear', features, bias, ...(inputFeatures === undefined ? {} : { inputFeatures }) })
}
