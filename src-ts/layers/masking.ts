import * as z from 'zod'

/**
 * How a nonlinearity picks its pieces: `exact`, from the whole signal; `asm`, the paper's approximated spatial masking:
 * pieces from the lowest frequencies, values from the whole signal; `apx`, the paper's baseline: both from the lowest.
 */
export type Masking = 'exact' | 'asm' | 'apx'

/** Options every nonlinearity has. */
export interface MaskingOptions {
  /** How pieces are picked; `exact` unless given, or `asm` where only `frequencies` is given. */
  masking?: Masking | undefined
  /** Diagonals α + β kept of each block, 1…15 (the paper's φ); 15 unless given. `exact` looks at all. */
  frequencies?: number | undefined
}

/** Options every nonlinearity has, complete. */
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
