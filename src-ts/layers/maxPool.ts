import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'

/** Options of {@link maxPool}. */
export interface MaxPoolOptions {
  /** Height and width of the window in pixels, 1…16. */
  size: number
  /** Pixels from one window to the next; the window's size by default. */
  stride?: number | undefined
  /** Padding, which is never the maximum; 0 by default, at most half the window's size. */
  padding?: number | undefined
  /** Whether a last window that is partly outside the padding is included, as in PyTorch; `false` by default. */
  ceilMode?: boolean | undefined
}

/** The largest pixel of each window. */
export interface MaxPoolLayer {
  readonly type: 'maxPool'
  readonly size: number
  readonly stride: number
  readonly padding: number
  readonly ceilMode?: boolean | undefined
}

const size = z.int().min(1).max(16)
const stride = z.int().min(1)
const padding = z.int().min(0)

/** As in PyTorch: every window then holds at least one pixel of the input. */
const narrow = { message: "at most half the window's size", path: ['padding'] }
const isNarrow = ({ size, padding = 0 }: MaxPoolOptions) => 2 * padding <= size

const optionsSchema = z
  .strictObject({ size, stride: stride.optional(), padding: padding.optional(), ceilMode: z.boolean().optional() })
  .refine(isNarrow, narrow) satisfies z.ZodType<MaxPoolOptions>

export const maxPoolSchema = z
  .strictObject({ type: z.literal('maxPool'), size, stride, padding, ceilMode: z.boolean().optional() })
  .refine(isNarrow, narrow) satisfies z.ZodType<MaxPoolLayer>

/**
 * Max pooling, as PyTorch's `MaxPool2d`: `y[i, j] = max x[stride·i − padding + k, stride·j − padding + l]` over `0 ≤ k, l < size`. Output
 * `[channels, ⌊(height + 2·padding − size) / stride⌋ + 1, …]`, or ⌈ ⌉ with `ceilMode`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function maxPool(options: MaxPoolOptions): MaxPoolLayer {
  const { size, stride = size, padding = 0, ceilMode } = checked(optionsSchema, options, 'maxPool')
  return frozen({ type: 'maxPool', size, stride, padding, ...(ceilMode && { ceilMode }) })
}
