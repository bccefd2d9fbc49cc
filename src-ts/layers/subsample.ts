import * as z from 'zod'
import { checked } from '../options.js'
import { frozen } from './freeze.js'

/** Options of {@link subsample}. */
export interface SubsampleOptions {
  /** Output channels, at least as many as input channels. */
  channels: number
  /** Pixels of the input from one output pixel to the next; 2 by default. */
  stride?: number | undefined
}

/** Every stride-th pixel, and channels of zeros. */
export interface SubsampleLayer {
  readonly type: 'subsample'
  readonly channels: number
  readonly stride: number
}

const channels = z.int().min(1)
const stride = z.int().min(1)

const optionsSchema = z.strictObject({ channels, stride: stride.optional() }) satisfies z.ZodType<SubsampleOptions>

export const subsampleSchema = z.strictObject({
  type: z.literal('subsample'),
  channels,
  stride,
}) satisfies z.ZodType<SubsampleLayer>

/**
 * The residual shortcut without parameters, option A of He et al. (2016): `y[i, j] = x[stride·i, stride·j]`, with channels of zeros added
 * up to `channels`, half of them (rounded down) before the input's and the rest after. Output `[channels, ⌈height / stride⌉, ⌈width /
 * stride⌉]`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function subsample(options: SubsampleOptions): SubsampleLayer {
  const { channels, stride = 2 } = checked(optionsSchema, options, 'subsample')
  return frozen({ type: 'subsample', channels, stride })
}
