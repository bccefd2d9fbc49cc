/** From transforms to what the engine is told. */
import type { BindingView } from '../native/addon.js'
import { cover } from './geometry.js'
import type { Mix } from './mixing.js'
import type { Fill } from './sizes.js'
import { isGeometry, type Transform } from './transform.js'

/** What a network takes in, as far as transforms care. */
export interface NetworkInput {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly mean: readonly number[]
  readonly colour?: 'linear' | 'exact' | undefined
}

/** What names the random numbers of a batch. */
export interface Randomness {
  seed: number
  epoch: number
  /** Place of the batch's first image in the order of the epoch. */
  start: number
}

const NONE: Randomness = { seed: 0, epoch: 0, start: 0 }

/** Transforms for a network, and what brings images to its size if they do not. */
export function lowerView(
  input: NetworkInput,
  transforms: readonly Transform[],
  { mix = [], random = NONE }: { mix?: readonly Mix[]; random?: Randomness } = {},
): BindingView {
  const { channels, width, height } = input
  const end = transforms.findLastIndex(isGeometry) + 1
  const whole = transforms.toSpliced(end, 0, cover({ width, height }))
  return {
    transforms: JSON.stringify(whole.map(transform => lower(transform, input))),
    ...(mix.length > 0 && { mix: JSON.stringify(mix) }),
    channels,
    clamp: input.colour === 'exact',
    ...random,
  }
}

/** A transform with its colours as three grey levels. */
function lower(transform: Transform, input: NetworkInput): unknown {
  if ('fill' in transform) return { ...transform, fill: levels(transform.fill, input) }
  if ('padding' in transform && transform.padding.mode === 'constant') {
    return { ...transform, padding: { mode: 'constant', fill: levels(transform.padding.fill, input) } }
  }
  return transform
}

function levels(fill: Fill, { mean }: NetworkInput): readonly number[] {
  if (typeof fill === 'number') return [fill, fill, fill]
  if (fill !== 'mean') return fill
  const of = mean.map(share => 255 * share)
  return of.length === 1 ? [...of, ...of, ...of] : of
}
