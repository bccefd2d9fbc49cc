/** Images of a step mixed with each other, and their labels with them. */
import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import { probability } from './sizes.js'

/** A way to mix, as plain data. */
export interface Mix {
  readonly type: 'mixup' | 'cutMix'
  readonly alpha: number
  readonly probability: number
}

/** Options of {@link mixup} and {@link cutMix}. */
export interface MixOptions {
  /** Shares are drawn from Beta(α, α): 0.2 for mixup and 1 for CutMix by default. */
  alpha?: number | undefined
  /** How likely a step is mixed; 1 by default. */
  probability?: number | undefined
}

const alpha = z.number().positive()

export const mixSchema = z.strictObject({
  type: z.enum(['mixup', 'cutMix']),
  alpha,
  probability,
}) satisfies z.ZodType<Mix>

const optionsSchema = z.strictObject({
  alpha: alpha.optional(),
  probability: probability.optional(),
}) satisfies z.ZodType<MixOptions>

/**
 * Every image of a step is added to the one before it, by shares that add up to 1 and are the same for all; its loss is
 * that of both labels, by the same shares (Zhang et al., 2018; torchvision's `MixUp`).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function mixup(options: MixOptions = {}): Mix {
  const { alpha = 0.2, probability = 1 } = checked(optionsSchema, options, 'mixup')
  return frozen({ type: 'mixup', alpha, probability })
}

/**
 * A rectangle of every image of a step is that of the one before it, the same rectangle for all; its loss is that of both
 * labels, by their shares of the area (Yun et al., 2019; torchvision's `CutMix`).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function cutMix(options: MixOptions = {}): Mix {
  const { alpha = 1, probability = 1 } = checked(optionsSchema, options, 'cutMix')
  return frozen({ type: 'cutMix', alpha, probability })
}
