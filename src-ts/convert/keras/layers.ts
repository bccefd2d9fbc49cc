/** Keras's layers as this package's, with their tensors in PyTorch's layout. */
import { mismatch, type ModelError } from '../../errors.js'
import { averagePool } from '../../layers/averagePool.js'
import { batchNorm } from '../../layers/batchNorm.js'
import { clip } from '../../layers/clip.js'
import { conv2d } from '../../layers/conv2d.js'
import { globalAveragePool } from '../../layers/globalAveragePool.js'
import type { Layer } from '../../layers/layer.js'
import { leakyRelu } from '../../layers/leakyRelu.js'
import { linear } from '../../layers/linear.js'
import { maxPool } from '../../layers/maxPool.js'
import { relu } from '../../layers/relu.js'
import { shown } from '../../options.js'
import type { KerasTensor } from './shards.js'
import type { KerasLayer } from './topology.js'
import { embeddedIn, samePadding, windowsOf, type Padding } from './windows.js'

/** What a layer gives: a map, or features once it is pooled. */
export interface Value {
  channels: number
  height: number
  width: number
  /** Zeros around the map that the layers reading it still have to see. */
  padding?: { vertical: Padding; horizontal: Padding } | undefined
  /** Whether no pixel is below zero. */
  notNegative: boolean
  /** Whether it is a vector: what pooling leaves. */
  pooled: boolean
  /**
   * Whether its three channels are in the other order than Keras's: an image's, red first where Keras has blue first, and of what is made
   * of one channel by channel.
   */
  reversed: boolean
}

/** A layer converted. */
export interface Converted {
  /** Layers that take its place, one after the other; none for what does nothing at inference. */
  layers: readonly Layer[]
  /** Tensors of the first of them, by PyTorch's names for them. */
  tensors: Readonly<Record<string, KerasTensor>>
  value: Value
}

/** What a layer is converted with. */
interface Given {
  layer: KerasLayer
  input: Value
  /** Its tensor of that name. */
  tensor: (name: string) => KerasTensor
  /** What errors call it. */
  where: string
}

const NONE: Padding = { before: 0, after: 0 }

/** Where a channel of Keras's lies among those of a value. */
function placeOf({ reversed, channels }: Value, channel: number): number {
  return reversed ? channels - 1 - channel : channel
}

/** Channels in Keras's order, by a layer of zeros and ones that changes no value. */
export function inOrder(value: Value): Converted {
  const { channels, pooled } = value
  const values = new Float32Array(channels * channels)
  for (let channel = 0; channel < channels; channel++) values[channel * channels + placeOf(value, channel)] = 1
  const layer = pooled
    ? linear({ features: channels, bias: false })
    : conv2d({ channels, size: 1, stride: 1, padding: 0, bias: false })
  const shape = pooled ? [channels, channels] : [channels, channels, 1, 1]
  return { layers: [layer], tensors: { weight: { shape, values } }, value: { ...value, reversed: false } }
}

/**
 * Converts a layer of one input.
 *
 * @throws ModelError `INVALID_WEIGHTS` if it is of a kind, or has an option, that no layer here has
 */
export function converted(given: Given): Converted {
  const { layer, input, where } = given
  const convert = KINDS[layer.className]
  if (!convert) {
    throw mismatch(
      'INVALID_WEIGHTS',
      where,
      `a layer of a residual network (${Object.keys(KINDS).join(', ')})`,
      layer.className,
    )
  }
  const takesPadding = ['Conv2D', 'MaxPooling2D', 'AveragePooling2D', 'ZeroPadding2D'].includes(layer.className)
  if (input.padding && !takesPadding) {
    throw mismatch('INVALID_WEIGHTS', where, 'padding before a convolution or a pooling', `before ${layer.className}`)
  }
  return convert(given)
}

const KINDS: Record<string, (given: Given) => Converted> = {
  ZeroPadding2D: zeroPadding,
  Conv2D: convolution,
  BatchNormalization: normalisation,
  Activation: ({ layer, input, where }) => activation(layer.config['activation'], input, where),
  ReLU: rectifier,
  LeakyReLU: leaky,
  MaxPooling2D: largest,
  GlobalAveragePooling2D: ({ layer, input, where }) => {
    must(layer, where, 'data_format', 'channels_last')
    return pooled(input)
  },
  AveragePooling2D: average,
  Flatten: flatten,
  Reshape: flatten,
  Dense: dense,
  Dropout: unchanged,
  Softmax: unchanged,
}

function unchanged({ input }: Given): Converted {
  return { layers: [], tensors: {}, value: input }
}

function zeroPadding({ layer, input, where }: Given): Converted {
  must(layer, where, 'data_format', 'channels_last')
  const given = layer.config['padding']
  const sides = typeof given === 'number' ? [given, given] : Array.isArray(given) ? (given as unknown[]) : []
  const [vertical, horizontal] = sides.map(side => (Array.isArray(side) ? side : [side, side]) as unknown[])
  const padding = (pair: unknown[] | undefined, had: Padding = NONE): Padding => {
    const [before, after] = pair ?? []
    if (!isCount(before) || !isCount(after)) throw unlike(where, 'padding', 'pixels to add', given)
    return { before: before + had.before, after: after + had.after }
  }
  const whole = {
    vertical: padding(vertical, input.padding?.vertical),
    horizontal: padding(horizontal, input.padding?.horizontal),
  }
  return { layers: [], tensors: {}, value: { ...input, padding: whole } }
}

/** How a window moves: one size, stride and padding for both directions. */
interface Window {
  size: number
  stride: number
  padding: Padding
  height: number
  width: number
}

function windowOf({ layer, input, where }: Given, sizeKey: string): Window {
  must(layer, where, 'data_format', 'channels_last')
  if (input.pooled) throw mismatch('INVALID_WEIGHTS', where, 'a map', 'features')
  const size = alike(layer, where, sizeKey)
  const stride = alike(layer, where, 'strides')
  const kind = layer.config['padding']
  if (kind !== 'valid' && kind !== 'same') throw unlike(where, 'padding', 'valid or same', kind)
  const along = (side: number, explicit: Padding = NONE) => {
    const padded = side + explicit.before + explicit.after
    const { before, after } = kind === 'same' ? samePadding(padded, size, stride) : NONE
    return { before: explicit.before + before, after: explicit.after + after }
  }
  const [vertical, horizontal] = [
    along(input.height, input.padding?.vertical),
    along(input.width, input.padding?.horizontal),
  ]
  if (vertical.before !== horizontal.before || vertical.after !== horizontal.after) {
    const text = ({ before, after }: Padding) => `${before} and ${after}`
    throw mismatch(
      'INVALID_WEIGHTS',
      where,
      'the same padding in both directions',
      `${text(vertical)}, ${text(horizontal)}`,
    )
  }
  const count = (side: number) => windowsOf(side, size, stride, vertical)
  return { size, stride, padding: vertical, height: count(input.height), width: count(input.width) }
}

function convolution(given: Given): Converted {
  const { layer, input, tensor, where } = given
  const { size, stride, padding, height, width } = windowOf(given, 'kernel_size')
  if (alike(layer, where, 'dilation_rate', 1) !== 1)
    throw unlike(where, 'dilation_rate', '1', layer.config['dilation_rate'])
  if ((layer.config['groups'] ?? 1) !== 1) throw unlike(where, 'groups', '1', layer.config['groups'])
  const bias = layer.config['use_bias'] !== false
  const kernel = tensor('kernel')
  const [, , channelsIn, channels] = expectShape(kernel, [size, size, input.channels, undefined], `${where}.kernel`)
  const larger = embeddedIn(size, padding)
  const shape = [channels as number, channelsIn as number, larger.size, larger.size]
  const values = new Float32Array(shape.reduce((product, side) => product * side, 1))
  // [row, column, in, out] to [out, in, row, column] of the larger filter.
  for (let row = 0, from = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      for (let input = 0; input < (channelsIn as number); input++) {
        for (let output = 0; output < (channels as number); output++, from++) {
          const line =
            (output * (channelsIn as number) + placeOf(given.input, input)) * larger.size + row + larger.offset
          values[line * larger.size + column + larger.offset] = kernel.values[from] as number
        }
      }
    }
  }
  const convolved = conv2d({ channels: channels as number, size: larger.size, stride, padding: larger.padding, bias })
  const value = { channels: channels as number, height, width, notNegative: false, pooled: false, reversed: false }
  const after = activation(layer.config['activation'] ?? 'linear', value, where)
  const tensors = {
    weight: { shape, values },
    ...(bias && { bias: vector(tensor('bias'), channels as number, where) }),
  }
  return { layers: [convolved, ...after.layers], tensors, value: after.value }
}

function normalisation({ layer, input, tensor, where }: Given): Converted {
  const axis = layer.config['axis']
  const last = Array.isArray(axis) ? axis[0] : axis
  if (last !== 3 && last !== -1) throw unlike(where, 'axis', '3, the channels', axis)
  const { channels } = input
  const [epsilon, momentum] = [number(layer, where, 'epsilon', 1e-3), number(layer, where, 'momentum', 0.99)]
  const constant = (value: number) => ({ shape: [channels], values: new Float32Array(channels).fill(value) })
  const of = (name: string) => {
    const { shape, values } = vector(tensor(name), channels, `${where}.${name}`)
    return { shape, values: input.reversed ? values.toReversed() : values }
  }
  const tensors = {
    weight: layer.config['scale'] === false ? constant(1) : of('gamma'),
    bias: layer.config['center'] === false ? constant(0) : of('beta'),
    running_mean: of('moving_mean'),
    running_var: of('moving_variance'),
  }
  // What Keras keeps of the old statistics, PyTorch takes of the new.
  const layers = [batchNorm({ epsilon, momentum: Number((1 - momentum).toPrecision(6)) })]
  return { layers, tensors, value: { ...input, notNegative: false } }
}

function activation(name: unknown, input: Value, where: string): Converted {
  const nothing: Converted = { layers: [], tensors: {}, value: input }
  // Probabilities are made of logits where they are asked for.
  if (name === 'linear' || name === 'softmax') return nothing
  const layer = name === 'relu' ? relu() : name === 'relu6' ? clip({ low: 0, high: 6 }) : undefined
  if (!layer) throw unlike(where, 'activation', 'linear, relu, relu6 or softmax', name)
  return { layers: [layer], tensors: {}, value: { ...input, notNegative: true } }
}

function rectifier({ layer, input, where }: Given): Converted {
  const slope = number(layer, where, 'negative_slope', 0)
  const threshold = number(layer, where, 'threshold', 0)
  const most = layer.config['max_value'] ?? undefined
  if (threshold !== 0) throw unlike(where, 'threshold', '0', threshold)
  if (most !== undefined && (typeof most !== 'number' || slope !== 0)) {
    throw unlike(where, 'max_value', 'a number, and no slope below zero', most)
  }
  const own = most !== undefined ? clip({ low: 0, high: most }) : slope === 0 ? relu() : leakyRelu({ slope })
  return { layers: [own], tensors: {}, value: { ...input, notNegative: slope === 0 } }
}

function leaky({ layer, input, where }: Given): Converted {
  const slope = number(layer, where, 'negative_slope' in layer.config ? 'negative_slope' : 'alpha', 0.3)
  return { layers: [leakyRelu({ slope })], tensors: {}, value: { ...input, notNegative: false } }
}

function largest(given: Given): Converted {
  const { input, where } = given
  const { size, stride, padding, height, width } = windowOf(given, 'pool_size')
  // Zeros take part in TensorFlow's explicit padding, and here they never win: the same where nothing is below zero.
  if (input.padding && !input.notNegative) {
    throw mismatch('INVALID_WEIGHTS', where, 'zero padding of a map that is nowhere below zero', 'one that may be')
  }
  const symmetric = { before: padding.before, after: padding.before }
  const fits = (count: (side: number) => number) => count(input.height) === height && count(input.width) === width
  const floor = (side: number) => windowsOf(side, size, stride, symmetric)
  const ceil = (side: number) => Math.ceil((side + 2 * padding.before - size) / stride) + 1
  if (!fits(floor) && !fits(ceil)) {
    throw mismatch(
      'INVALID_WEIGHTS',
      where,
      'a padding that PyTorch has',
      `${padding.before} and ${padding.after} pixels`,
    )
  }
  const pool = maxPool({ size, stride, padding: padding.before, ...(!fits(floor) && { ceilMode: true }) })
  const { channels, notNegative, reversed } = input
  const value = { channels, height, width, notNegative, pooled: false, reversed }
  return { layers: [pool], tensors: {}, value }
}

/** Means of windows, in which TensorFlow's own padding does not count; zeros of a layer before do. */
function average(given: Given): Converted {
  const { input, layer, where } = given
  const { size, stride, padding, height, width } = windowOf(given, 'pool_size')
  const isWhole = height === 1 && width === 1 && size === input.height && size === input.width
  if (isWhole && !input.padding) return pooled(input)
  if (padding.before !== padding.after || (input.padding && layer.config['padding'] === 'same')) {
    const found = `${padding.before} and ${padding.after} pixels`
    throw mismatch('INVALID_WEIGHTS', where, 'as much padding before as after, of one kind', found)
  }
  const countPadding = input.padding !== undefined
  const pool = averagePool({ size, stride, padding: padding.before, countPadding })
  const { channels, notNegative, reversed } = input
  return { layers: [pool], tensors: {}, value: { channels, height, width, notNegative, pooled: false, reversed } }
}

function pooled(input: Value): Converted {
  const { channels, notNegative, reversed } = input
  const value = { channels, height: 1, width: 1, notNegative, pooled: true, reversed }
  return { layers: [globalAveragePool()], tensors: {}, value }
}

function flatten({ input, where }: Given): Converted {
  if (!input.pooled)
    throw mismatch('INVALID_WEIGHTS', where, 'features that are pooled', `a ${input.height}×${input.width} map`)
  return { layers: [], tensors: {}, value: input }
}

function dense({ layer, input, tensor, where }: Given): Converted {
  if (!input.pooled)
    throw mismatch('INVALID_WEIGHTS', where, 'features that are pooled', `a ${input.height}×${input.width} map`)
  const kernel = tensor('kernel')
  const [channelsIn, features] = expectShape(kernel, [input.channels, undefined], `${where}.kernel`) as [number, number]
  const bias = layer.config['use_bias'] !== false
  const values = new Float32Array(kernel.values.length)
  for (let from = 0; from < values.length; from++) {
    values[(from % features) * channelsIn + placeOf(input, Math.floor(from / features))] = kernel.values[from] as number
  }
  const value = { channels: features, height: 1, width: 1, notNegative: false, pooled: true, reversed: false }
  const after = activation(layer.config['activation'] ?? 'linear', value, where)
  const tensors = {
    weight: { shape: [features, channelsIn], values },
    ...(bias && { bias: vector(tensor('bias'), features, `${where}.bias`) }),
  }
  return { layers: [linear({ features, bias }), ...after.layers], tensors, value: after.value }
}

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isInteger(value) && value >= 0

function unlike(where: string, option: string, expected: string, found: unknown): ModelError {
  return mismatch('INVALID_WEIGHTS', `${where}.${option}`, expected, shown(found))
}

function must({ config }: KerasLayer, where: string, option: string, expected: string): void {
  const found = config[option] ?? expected
  if (found !== expected) throw unlike(where, option, expected, found)
}

function number({ config }: KerasLayer, where: string, option: string, unlessGiven: number): number {
  const found = config[option] ?? unlessGiven
  if (typeof found !== 'number') throw unlike(where, option, 'a number', found)
  return found
}

/** An option of two equal numbers, one a direction. */
function alike({ config }: KerasLayer, where: string, option: string, unlessGiven?: number): number {
  const found = config[option] ?? unlessGiven
  const [one, other = one] = Array.isArray(found) ? (found as unknown[]) : [found]
  if (!isCount(one) || one < 1 || one !== other) throw unlike(where, option, 'one number for both directions', found)
  return one
}

/** A shape, of which what is undefined may be anything. */
function expectShape(
  { shape }: KerasTensor,
  expected: readonly (number | undefined)[],
  where: string,
): readonly number[] {
  const fits =
    shape.length === expected.length && expected.every((side, at) => side === undefined || side === shape[at])
  if (!fits) {
    const text = expected.map(side => side ?? '…').join(', ')
    throw mismatch('INVALID_WEIGHTS', where, `the shape [${text}]`, `[${shape.join(', ')}]`)
  }
  return shape
}

function vector(tensor: KerasTensor, length: number, where: string): KerasTensor {
  expectShape(tensor, [length], where)
  return tensor
}
