/** What networks in TensorFlow.js are made of, for inference and for training; maps are `[N, height, width, channels]`. */
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { setWasmPaths, version_wasm } from '@tensorflow/tfjs-backend-wasm'
import type { Tensor } from 'jpegnet'
import type { GraphNode } from '../../../dist/model/graph.js'

/** What one node computes. */
export type Apply = (inputs: tf.Tensor[]) => tf.Tensor

/** Starts the backend on WebAssembly; its version. */
export async function startWasm(): Promise<string> {
  const binaries = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))
  setWasmPaths(`${binaries}/`)
  if (!(await tf.setBackend('wasm'))) throw new Error('tfjs: expected its wasm backend to start, and it did not')
  return version_wasm
}

/** Tensors by name. */
export function named(tensors: readonly Tensor[]): (name: string) => Tensor {
  return name => {
    const found = tensors.find(candidate => candidate.name === name)
    if (!found) throw new Error(`${name}: expected a tensor of that name, found none`)
    return found
  }
}

/** A filter `[size, size, in, out]` of PyTorch's `[out, in, size, size]`. */
export function filterOf({ values, shape }: Tensor): tf.Tensor4D {
  return tf.tidy(() => tf.transpose(tf.tensor4d(values, shape as [number, number, number, number]), [2, 3, 1, 0]))
}

/** What a node without weights computes; nothing for one that has some. */
export function withoutWeights({ path, operation }: GraphNode): Apply | undefined {
  switch (operation.type) {
    case 'piecewiseLinear':
      expectRelu(path, operation)
      return ([x]) => tf.relu(x as tf.Tensor)
    case 'add':
      return tf.addN
    case 'subsample': {
      const { stride, channels } = operation
      return ([x]) => {
        const kept = subsampled(x as tf.Tensor4D, stride)
        const missing = channels - kept.shape[3]
        const before = Math.floor(missing / 2)
        return tf.pad(kept, [[0, 0], [0, 0], [0, 0], [before, missing - before]]) // prettier-ignore
      }
    }
    case 'maxPool': {
      const { size, stride, padding } = operation
      return ([x]) => tf.maxPool(x as tf.Tensor4D, size, stride, border(padding))
    }
    case 'globalAveragePool':
      return ([x]) => tf.mean(x as tf.Tensor, [1, 2])
    default:
      return undefined
  }
}

/** Every `stride`-th pixel. Its gradient, which TensorFlow.js lacks, is the same pixels with zeros between them. */
function subsampled(x: tf.Tensor4D, stride: number): tf.Tensor4D {
  const take = withGradient(
    ([input]) => tf.stridedSlice(input as tf.Tensor, [0, 0, 0, 0], (input as tf.Tensor).shape, [1, stride, stride, 1]),
    (dy, [input]) => [tf.slice(apart(dy as tf.Tensor4D, stride), [0, 0, 0, 0], (input as tf.Tensor4D).shape)],
  )
  return take(x) as tf.Tensor4D
}

/** A map `stride` times as high and wide, with zeros after every pixel. */
export function apart(map: tf.Tensor4D, stride: number): tf.Tensor4D {
  if (stride === 1) return map
  const [count, height, width, channels] = map.shape
  const row = width * stride * channels
  const padded = (values: tf.Tensor, zeros: number) => {
    return tf.pad(values, [[0, 0], [0, zeros]]) // prettier-ignore
  }
  const columns = padded(tf.reshape(map, [count * height * width, channels]), (stride - 1) * channels)
  const rows = padded(tf.reshape(columns, [count * height, row]), (stride - 1) * row)
  return tf.reshape(rows, [count, height * stride, width * stride, channels])
}

/** An operation with a gradient of its own: those of its inputs, given the result's. */
export function withGradient(
  forward: (inputs: tf.Tensor[]) => tf.Tensor,
  backward: (dy: tf.Tensor, inputs: tf.Tensor[]) => tf.Tensor[],
): (...inputs: tf.Tensor[]) => tf.Tensor {
  return tf.customGrad((...given: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const [inputs, save] = [given.slice(0, -1) as tf.Tensor[], given.at(-1) as tf.GradSaveFunc]
    save(inputs)
    return { value: forward(inputs), gradFunc: (dy, saved) => backward(dy as tf.Tensor, saved) }
  })
}

/** Zeros around a map. */
export function border(padding: number): [[0, 0], [number, number], [number, number], [0, 0]] {
  return [
    [0, 0],
    [padding, padding],
    [padding, padding],
    [0, 0],
  ]
}

export function expectRelu(path: string, operation: GraphNode['operation']): void {
  if (operation.type !== 'piecewiseLinear') return
  const { slope, intercept, breakpoints } = operation
  const [only, second] = breakpoints
  if (slope !== 0 || intercept !== 0 || second || only?.at !== 0 || only.slopeChange !== 1) {
    throw new Error(`${path}: expected a ReLU, found another piecewise linear function`)
  }
}

/** `[N, height, width, channels]` of `[N, channels, height, width]`. */
export function channelsLast(pixels: Float32Array, channels: number, count: number): Float32Array {
  const area = pixels.length / channels / count
  return pixels.map((_, at) => {
    const [picture, rest] = [Math.floor(at / (area * channels)), at % (area * channels)]
    return pixels[(picture * channels + (rest % channels)) * area + Math.floor(rest / channels)] as number
  })
}
