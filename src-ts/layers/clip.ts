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

/** Options of {@link clip}. */
export interface ClipOptions extends MaskingOptions {
  /** Lower bound. */
  low: number
  /** Upper bound. */
  high: number
}

/** min(max(x, low), high). */
export interface ClipLayer extends Readonly<CompleteMasking> {
  readonly type: 'clip'
  readonly low: number
  readonly high: number
}

const ordered = { message: 'low below high' }
const inOrder = ({ low, high }: { low: number; high: number }) => low < high

const optionsSchema = z
  .strictObject({ low: z.number(), high: z.number(), ...maskingShape })
  .refine(inOrder, ordered) satisfies z.ZodType<ClipOptions>

export const clipSchema = z
  .strictObject({ type: z.literal('clip'), low: z.number(), high: z.number(), ...completeMaskingShape })
  .refine(inOrder, ordered) satisfies z.ZodType<ClipLayer>

/**
 * Clips values to a range; see {@link relu} for `masking`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function clip(options: ClipOptions): ClipLayer {
  const { low, high, ...masking } = checked(optionsSchema, options, 'clip')
  return frozen({ type: 'clip', low, high, ...completeMasking(masking) })
}

/** ReLU6: values clipped to 0…6. */
export function relu6(options: MaskingOptions = {}): ClipLayer {
  return clip({ low: 0, high: 6, ...options })
}

/** Hard tanh: values clipped to −1…1. */
export function hardTanh(options: MaskingOptions = {}): ClipLayer {
  return clip({ low: -1, high: 1, ...options })
}
