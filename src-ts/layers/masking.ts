import * as z from 'zod'

/**
 * How a nonlinearity picks its pieces: `exact`, from the whole signal; `asm`, the paper's approximated spatial masking:
 * pieces from the lowest frequencies, values from the whole signal; `apx`, the paper's baseline: both from the lowest.
 */
export type MaskingMode = 'exact' | 'asm' | 'apx'

/** Options every nonlinearity has. */
export interface MaskingOptions {
  /** How pieces are picked; `exact` unless given, or `asm` where only `frequencies` is given. */
  mode?: MaskingMode | undefined
  /** Diagonals α + β kept of each block, 1…15 (the paper's φ); 15 unless given. `exact` looks at all. */
  frequencies?: number | undefined
}

/** Options every nonlinearity has, complete. */
export interface Masking {
  mode: MaskingMode
  frequencies: number
}

export const maskingModeSchema = z.enum(['exact', 'asm', 'apx'])
export const frequenciesSchema = z.int().min(1).max(15)

export const maskingShape = {
  mode: maskingModeSchema.optional(),
  frequencies: frequenciesSchema.optional(),
}

export const completeMaskingShape = { mode: maskingModeSchema, frequencies: frequenciesSchema }

/** Fills in what is not given. */
export function completeMasking({ mode, frequencies }: MaskingOptions): Masking {
  return { mode: mode ?? (frequencies === undefined ? 'exact' : 'asm'), frequencies: frequencies ?? 15 }
}

/** Masking with parts replaced. A number of frequencies alone turns `exact` into `asm`, the paper's way of using them. */
export function replaceMasking(masking: Masking, { mode, frequencies }: MaskingOptions): Masking {
  const implied = frequencies !== undefined && masking.mode === 'exact' ? 'asm' : masking.mode
  return { mode: mode ?? implied, frequencies: frequencies ?? masking.frequencies }
}
