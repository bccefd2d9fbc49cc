import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'

/**
 * How a convolution is computed; every way is the same map. `auto`: as the planner picks, and in training by the shape alone; `winograd`:
 * F(4×4, 3×3) and its kin for 5×5 and, at stride 2, 3×3 to 8×8; `winograd2`: F(2×2, 3×3), for 3×3; `diagonalised`: a product per
 * coefficient, 3×3 at stride 1 only; `scatter`: each non-zero quantised coefficient adds its response, for the first convolution, if
 * it alone reads the input (elsewhere as the planner picks); `pointwise`: one product, for 1×1 filters; `sandwich`: to pixels,
 * directly, and back; `exploded`: the paper's tensor of coefficients as written.
 */
export type Factorisation =
  'auto' | 'winograd' | 'winograd2' | 'diagonalised' | 'scatter' | 'pointwise' | 'sandwich' | 'exploded'

const FACTORISATIONS = [
  'auto',
  'winograd',
  'winograd2',
  'diagonalised',
  'scatter',
  'pointwise',
  'sandwich',
  'exploded',
] as const satisfies readonly Factorisation[]

/** Options of {@link conv2d}. */
export interface Conv2dOptions {
  /** Channels out. */
  channels: number
  /** Height and width of the spatial filter; 3 unless given. */
  size?: number | undefined
  /** 1 or 2; 1 unless given. */
  stride?: number | undefined
  /** Zero pixels around the input; (size − 1) / 2 unless given. */
  padding?: number | undefined
  /** Whether each output channel has a bias; not unless given. */
  bias?: boolean | undefined
  /** Channels in, if they shall be checked. */
  inputChannels?: number | undefined
  /** How it is computed at inference; `auto` unless given. */
  factorisation?: Factorisation | undefined
}

/** A convolution of coefficients by a learned spatial filter. */
export interface Conv2dLayer {
  readonly type: 'conv2d'
  readonly channels: number
  readonly size: number
  readonly stride: number
  readonly padding: number
  readonly bias: boolean
  readonly inputChannels?: number | undefined
  readonly factorisation: Factorisation
}

const factorisationSchema = z.enum(FACTORISATIONS)

const optionsSchema = z.strictObject({
  channels: z.int().min(1),
  size: z.int().min(1).max(15).optional(),
  stride: z.int().min(1).max(2).optional(),
  padding: z.int().min(0).optional(),
  bias: z.boolean().optional(),
  inputChannels: z.int().min(1).optional(),
  factorisation: factorisationSchema.optional(),
}) satisfies z.ZodType<Conv2dOptions>

export const conv2dSchema = z.strictObject({
  type: z.literal('conv2d'),
  channels: z.int().min(1),
  size: z.int().min(1).max(15),
  stride: z.int().min(1).max(2),
  padding: z.int().min(0),
  bias: z.boolean(),
  inputChannels: z.int().min(1).optional(),
  factorisation: factorisationSchema,
}) satisfies z.ZodType<Conv2dLayer>

/**
 * A convolution Ξ = J̃CJ: the spatial filter `[channels, input channels, size, size]` applied to coefficients. Parameters
 * `weight` and, with `bias`, `bias`, as PyTorch's `Conv2d`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function conv2d(options: Conv2dOptions): Conv2dLayer {
  const { size = 3, padding = Math.floor((size - 1) / 2), ...rest } = checked(optionsSchema, options, 'conv2d')
  const { channels, stride = 1, bias = false, inputChannels, factorisation = 'auto' } = rest
  const known = inputChannels === undefined ? {} : { inputChannels }
  return frozen({ type: 'conv2d', channels, size, stride, padding, bias, ...known, factorisation })
}
