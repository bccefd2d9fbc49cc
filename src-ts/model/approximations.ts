/** The ways to compute in fewer frequencies. */
import type { ModeOptions } from './mode.js'

/** Names for people. */
export const MODES = { asm: 'ASM', apx: 'APX', 'band-limited': 'band-limited' } as const

export type ModeKey = keyof typeof MODES
export const MODE_KEYS = Object.keys(MODES) as ModeKey[]

/** A mode with φ frequencies. */
export function modeOf(key: ModeKey, frequencies: number): ModeOptions {
  return key === 'band-limited' ? { mode: key, frequencies } : { mode: 'approximated', masking: key, frequencies }
}
