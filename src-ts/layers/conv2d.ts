import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'

/**
 * The method that computes a convolution. All methods compute the same function, up to float32 rounding. `auto`: the fastest by the
 * planner's estimate at inference, and one that depends only on the layer's shape in training; `winograd`: Winograd's F(4×4, 3×3), and
 * similar forms for 5×5 and, at stride 2, for 3×3 to 8×8; `winograd2`: F(2×2, 3×3), for 3×3; `pointwise`: a matrix product, for 1×1
 * filters; `sandwich`: direct convolution of pixels; `scatter`: from the non-zero quantised coefficients of the file, for the first
 * convolution if no other layer reads the input; `diagonalised`: on DCT coefficients, for 3×3 at stride 1; `exploded`: the paper's tensor
 * on DCT coefficients, for comparison (slow).
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
  /** Output channels. */
  channels: number
  /** Height and width of the spatial filter; 3 by default. */
  size?: number | undefined
  /** 1 or 2; 1 by default. */
  stride?: number | undefined
  /** Zero pixels around the input; (size − 1) / 2 by default. */
  padding?: number | undefined
  /** Whether output channels have a bias; `false` by default. */
  bias?: boolean | undefined
  /** Input channels; if given, they are checked. */
  inputChannels?: number | undefined
  /** The method that computes it; `auto` by default. */
  factorisation?: Factorisation | undefined
}

/** A convolution. */
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
 * A convolution with a filter `[channels, input channels, size, size]`. Parameters `weight` and, with `bias`, `bias`, as PyTorch's
 * `Conv2d`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function conv2d(options: Conv2dOptions): Conv2dLayer {
  const { size = 3, padding = Math.floor((size - 1) / 2), ...rest } = checked(optionsSchema, options, 'conv2d')
  const { channels, stride = 1, bias = false, inputChannels, factorisation = 'auto' } = rest
  const known = inputChannels === undefined ? {} : { inputChannels }
  return frozen({ type: 'conv2d', channels, size, stride, padding, bias, ...known, factorisation })
}
