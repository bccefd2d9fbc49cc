import * as z from 'zod'

/**
 * How an activation is computed. `exact`: exactly. `asm`, the paper's approximated spatial masking: which piece of the function applies to
 * a pixel (for ReLU, its sign) is decided from the lowest DCT frequencies, and applied to the exact value. `apx`, the paper's baseline:
 * both the decision and the value come from the lowest frequencies.
 */
export type Masking = 'exact' | 'asm' | 'apx'

/** Options of every activation. */
export interface MaskingOptions {
  /** How it is computed; `exact` by default, or `asm` if only `frequencies` is given. */
  masking?: Masking | undefined
  /** For `asm` and `apx`: how many DCT frequencies (diagonals α + β of a block) are kept, 1…15 (the paper's φ); 15, all, by default. */
  frequencies?: number | undefined
}

/** Options of every activation, with defaults filled in. */
export interface CompleteMasking {
  masking: Masking
  frequencies: number
}

export const maskingSchema = z.enum(['exact', 'asm', 'apx'])
export const frequenciesSchema = z.int().min(1).max(15)

export const maskingShape = {
  masking: maskingSchema.optional(),
  frequencies: frequenciesSchema.optional(),
}

export const completeMaskingShape = { masking: maskingSchema, frequencies: frequenciesSchema }

/** Fills in what is not given. */
export function completeMasking({ masking, frequencies }: MaskingOptions): CompleteMasking {
  return { masking: masking ?? (frequencies === undefined ? 'exact' : 'asm'), frequencies: frequencies ?? 15 }
}
