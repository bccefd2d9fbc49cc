/** Who trains, and what exactly. */
import type { ModeOptions } from 'jpegnet'

/** Modes by the names that files and records have for them. */
export const MODES = {
  exact: { mode: 'exact' },
  'asm-6': { mode: 'approximated', masking: 'asm', frequencies: 6 },
  'band-8': { mode: 'band-limited', frequencies: 8 },
  'band-6': { mode: 'band-limited', frequencies: 6 },
} as const satisfies Record<string, ModeOptions>
export type ModeKey = keyof typeof MODES

/** Programs that train; those of PyTorch where it is installed, `pytorch-compiled` (`torch.compile`) where it finds a compiler. */
export const PROGRAMS = ['jpegnet', 'pytorch', 'pytorch-compiled', 'tfjs-wasm'] as const
export type Program = (typeof PROGRAMS)[number]
export type PythonProgram = Extract<Program, `pytorch${string}`>

export function isPython(program: Program): program is PythonProgram {
  return program.startsWith('pytorch')
}

/** A program, the mode of its network, and the type of its values. */
export interface Entry {
  program: Program
  mode: ModeKey
  /** `bfloat16` is how ours keeps what the backward pass reads; `float64` is PyTorch's, to judge the others by. */
  precision: 'float32' | 'bfloat16' | 'float64'
}

/** Ours, in a mode, in float32 unless said. */
export function ours(mode: ModeKey, precision: Entry['precision'] = 'float32'): Entry {
  return { program: 'jpegnet', mode, precision }
}

/** A peer, exact. */
export function peer(program: Exclude<Program, 'jpegnet'>): Entry {
  return { program, mode: 'exact', precision: 'float32' }
}

const TITLES: Record<Program, string> = {
  jpegnet: 'jpegnet',
  pytorch: 'PyTorch',
  'pytorch-compiled': 'PyTorch, compiled',
  'tfjs-wasm': 'tfjs-wasm',
}

/** What errors and people call an entry: `jpegnet, band-limited, φ = 8`. */
export function entryTitle({ program, mode, precision }: Entry): string {
  const { mode: name, masking, frequencies }: ModeOptions = MODES[mode]
  return [
    TITLES[program],
    ...(name === 'exact' ? [] : [masking?.toUpperCase() ?? name, `φ = ${frequencies}`]),
    ...(precision === 'float32' ? [] : [precision]),
  ].join(', ')
}
