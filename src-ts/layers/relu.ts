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

/** max(x, 0). */
export interface ReluLayer extends Readonly<CompleteMasking> {
  readonly type: 'relu'
}

const optionsSchema = z.strictObject(maskingShape) satisfies z.ZodType<MaskingOptions>

export const reluSchema = z.strictObject({
  type: z.literal('relu'),
  ...completeMaskingShape,
}) satisfies z.ZodType<ReluLayer>

/**
 * ReLU; exact, or approximated as in the paper (`masking`).
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function relu(options: MaskingOptions = {}): ReluLayer {
  return frozen({ type: 'relu', ...completeMasking(checked(optionsSchema, options, 'relu')) })
}
