/** Where windows lie: TensorFlow pads a side more than the other where PyTorch pads both alike. */

/** Pixels before and after a side of a map. */
export interface Padding {
  before: number
  after: number
}

/** Windows along a side that is padded so. */
export function windowsOf(side: number, size: number, stride: number, { before, after }: Padding): number {
  return Math.floor((side + before + after - size) / stride) + 1
}

/**
 * What TensorFlow's `same` adds to a side: as many pixels as ⌈side / stride⌉ windows need, the odd one after.
 *
 * Source: the notes on padding of `tf.nn`.
 */
export function samePadding(side: number, size: number, stride: number): Padding {
  const needed = Math.max((Math.ceil(side / stride) - 1) * stride + size - side, 0)
  const before = Math.floor(needed / 2)
  return { before, after: needed - before }
}

/** A filter's place within a larger one that is padded alike on both sides, for the same convolution. */
export interface Embedding {
  /** Side of the larger filter. */
  size: number
  /** Pixels to pad on both sides. */
  padding: number
  /** Zeros before the filter's first row and column. */
  offset: number
}

/** The smallest such filter: with p the larger padding, p − before zeros before the filter, and p − after after it. */
export function embeddedIn(size: number, { before, after }: Padding): Embedding {
  const padding = Math.max(before, after)
  return { size: size + 2 * padding - before - after, padding, offset: padding - before }
}
