import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'

/** Options of {@link averagePool}. */
export interface AveragePoolOptions {
  /** Height and width of the window in pixels, 1…1,024. */
  size: number
  /** Pixels from one window to the next; the window's size by default. */
  stride?: number | undefined
  /** Padding of zeros; 0 by default, at most half the window's size. */
  padding?: number | undefined
  /** Whether the zeros of the padding count in a mean, as in PyTorch; `true` by default. */
  countPadding?: boolean | undefined
}

/** The mean of each window. */
export interface AveragePoolLayer {
  readonly type: 'averagePool'
  readonly size: number
  readonly stride: number
  readonly padding: number
  readonly countPadding: boolean
}

const size = z.int().min(1).max(1024)
const stride = z.int().min(1)
const padding = z.int().min(0)
const countPadding = z.boolean()

/** As in PyTorch: every window then holds at least one pixel of the input. */
const narrow = { message: "at most half the window's size", path: ['padding'] }
const isNarrow = ({ size, padding = 0 }: AveragePoolOptions) => 2 * padding <= size

const optionsSchema = z
  .strictObject({
    size,
    stride: stride.optional(),
    padding: padding.optional(),
    countPadding: countPadding.optional(),
  })
  .refine(isNarrow, narrow) satisfies z.ZodType<AveragePoolOptions>

export const averagePoolSchema = z
  .strictObject({ type: z.literal('averagePool'), size, stride, padding, countPadding })
  .refine(isNarrow, narrow) satisfies z.ZodType<AveragePoolLayer>

/**
 * Average pooling, as PyTorch's `AvgPool2d`: `y[i, j]` is the mean of `x[stride·i − padding + k, stride·j − padding + l]` over
 * `0 ≤ k, l < size`. Output `[channels, ⌊(height + 2·padding − size) / stride⌋ + 1, …]`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function averagePool(options: AveragePoolOptions): AveragePoolLayer {
  const { size, stride = size, padding = 0, countPadding = true } = checked(optionsSchema, options, 'averagePool')
  return frozen({ type: 'averagePool', size, stride, padding, countPadding })
}
