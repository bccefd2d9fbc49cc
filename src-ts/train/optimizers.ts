import * as z from 'zod'
import { mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'

/** Options of {@link sgd}. */
export interface SgdOptions {
  /** Step size before the schedule; 0.1 by default. */
  learningRate?: number | undefined
  /** Velocity kept from step to step; 0.9 by default. */
  momentum?: number | undefined
  /** Whether to look ahead along the velocity; not by default. */
  nesterov?: boolean | undefined
  /** Pull towards zero, added to the gradient; 0 by default. */
  weightDecay?: number | undefined
}

/** Options of {@link adam} and {@link adamW}. */
export interface AdamOptions {
  /** Step size before the schedule; 0.001 by default. */
  learningRate?: number | undefined
  /** Decay of the mean of gradients; 0.9 by default. */
  beta1?: number | undefined
  /** Decay of the mean of squared gradients; 0.999 by default. */
  beta2?: number | undefined
  /** Added to the root of the second moment; 1e-8 by default. */
  epsilon?: number | undefined
  /** Pull towards zero; 0 by default ({@link adamW}: 0.01). */
  weightDecay?: number | undefined
}

/** How gradients become updates: plain data. */
export type Optimizer =
  | { readonly type: 'sgd'; learningRate: number; momentum: number; nesterov: boolean; weightDecay: number }
  | AdamOptimizer

/** @inline */
interface AdamOptimizer {
  readonly type: 'adam' | 'adamw'
  learningRate: number
  beta1: number
  beta2: number
  epsilon: number
  weightDecay: number
}

const notNegative = z.number().min(0)
const fraction = z.number().min(0).lt(1)

const sgdShape = { learningRate: notNegative, momentum: fraction, nesterov: z.boolean(), weightDecay: notNegative }
const adamShape = {
  learningRate: notNegative,
  beta1: fraction,
  beta2: fraction,
  epsilon: z.number().positive(),
  weightDecay: notNegative,
}

const sgdOptionsSchema = z.strictObject(sgdShape).partial() satisfies z.ZodType<SgdOptions>
const adamOptionsSchema = z.strictObject(adamShape).partial() satisfies z.ZodType<AdamOptions>

export const optimizerSchema = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('sgd'), ...sgdShape }),
    z.strictObject({ type: z.enum(['adam', 'adamw']), ...adamShape }),
  ],
  { error: 'an optimizer made by sgd, adam or adamW' },
) satisfies z.ZodType<Optimizer>

/**
 * Stochastic gradient descent with momentum, as `torch.optim.SGD`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const given = checked(sgdOptionsSchema, options, 'sgd')
  const { learningRate = 0.1, momentum = 0.9, nesterov = false, weightDecay = 0 } = given
  if (nesterov && momentum === 0) throw mismatch('INVALID_OPTION', 'sgd.momentum', 'a number above 0 for Nesterov', '0')
  return frozen({ type: 'sgd', learningRate, momentum, nesterov, weightDecay })
}

/**
 * Adam, as `torch.optim.Adam`: weight decay is added to the gradient.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function adam(options: AdamOptions = {}): Optimizer {
  return adaptive('adam', checked(adamOptionsSchema, options, 'adam'), 0)
}

/**
 * AdamW, as `torch.optim.AdamW`: weight decay is taken from the parameter.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function adamW(options: AdamOptions = {}): Optimizer {
  return adaptive('adamw', checked(adamOptionsSchema, options, 'adamW'), 0.01)
}

function adaptive(type: 'adam' | 'adamw', options: AdamOptions, decay: number): Optimizer {
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = decay } = options
  return frozen({ type, learningRate, beta1, beta2, epsilon, weightDecay })
}
