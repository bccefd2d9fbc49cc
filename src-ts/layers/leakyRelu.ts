import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'
import {
  completeMasking,
  completeMaskingShape,
  maskingShape,
  type CompleteMasking,
  type MaskingOptions,
} from './masking.js'

/** Options of {@link leakyRelu}. */
export interface LeakyReluOptions extends MaskingOptions {
  /** Slope below zero; 0.01 by default. */
  slope?: number | undefined
}

/** x above zero, `slope·x` below. */
export interface LeakyReluLayer extends Readonly<CompleteMasking> {
  readonly type: 'leakyRelu'
  readonly slope: number
}

const optionsSchema = z.strictObject({
  slope: z.number().optional(),
  ...maskingShape,
}) satisfies z.ZodType<LeakyReluOptions>

export const leakyReluSchema = z.strictObject({
  type: z.literal('leakyRelu'),
  slope: z.number(),
  ...completeMaskingShape,
}) satisfies z.ZodType<LeakyReluLayer>

/**
 * Leaky ReLU; see {@link relu} for `masking`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function leakyRelu(options: LeakyReluOptions = {}): LeakyReluLayer {
  const { slope = 0.01, ...masking } = checked(optionsSchema, options, 'leakyRelu')
  return frozen({ type: 'leakyRelu', slope, ...completeMasking(masking) })
}
