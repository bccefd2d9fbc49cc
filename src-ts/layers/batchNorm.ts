import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'

/** Options of {@link batchNorm}. */
export interface BatchNormOptions {
  /** Added to the variance; 1e-5 by default. */
  epsilon?: number | undefined
  /** Weight of each batch in the running statistics; 0.1 by default. */
  momentum?: number | undefined
  /** Channels; if given, they are checked. */
  channels?: number | undefined
}

/** Batch normalisation. */
export interface BatchNormLayer {
  readonly type: 'batchNorm'
  readonly epsilon: number
  readonly momentum: number
  readonly channels?: number | undefined
}

const epsilon = z.number().positive()
const momentum = z.number().min(0).max(1)

const optionsSchema = z.strictObject({
  epsilon: epsilon.optional(),
  momentum: momentum.optional(),
  channels: z.int().min(1).optional(),
}) satisfies z.ZodType<BatchNormOptions>

export const batchNormSchema = z.strictObject({
  type: z.literal('batchNorm'),
  epsilon,
  momentum,
  channels: z.int().min(1).optional(),
}) satisfies z.ZodType<BatchNormLayer>

/**
 * Batch normalisation, as PyTorch's `BatchNorm2d`: parameters `weight` and `bias`, running statistics `running_mean` and `running_var`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function batchNorm(options: BatchNormOptions = {}): BatchNormLayer {
  const { epsilon = 1e-5, momentum = 0.1, channels } = checked(optionsSchema, options, 'batchNorm')
  return frozen({ type: 'batchNorm', epsilon, momentum, ...(channels === undefined ? {} : { channels }) })
}
