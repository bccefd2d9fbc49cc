/** sharp and TensorFlow.js on WebAssembly with SIMD; it has no threads in Node. */
import { readFile } from 'node:fs/promises'
import * as tf from '@tensorflow/tfjs-core'
import { readSafetensors, type Tensor } from 'jpegnet'
import sharp from 'sharp'
import type { Graph, GraphNode } from '../../../dist/model/graph.js'
import { decoder } from './decode.js'
import type { OpenSide } from './side.js'
import {
  border,
  channelsLast,
  expectRelu,
  filterOf,
  named,
  startWasm,
  withoutWeights,
  type Apply,
} from './tfjsLayers.js'

export const open: OpenSide = async ({ input, model, graph: file }, threads) => {
  const version = await startWasm()
  const graph = JSON.parse(await readFile(file, 'utf8')) as Graph
  const network = build(graph, (await readSafetensors(model)).tensors)
  const decode = decoder(input, 'NHWC', threads)
  const run = async (pixels: Float32Array, count: number) => {
    const logits = tf.tidy(() => network(tf.tensor4d(pixels, [count, input.height, input.width, input.channels])))
    const values = (await logits.data()) as Float32Array
    logits.dispose()
    return values
  }
  return {
    versions: { 'tfjs-wasm': version, sharp: sharp.versions.sharp ?? '' },
    threads: 1,
    whole: async files => run(await decode(files), files.length),
    decode,
    async network(files) {
      const pixels = await decode(files)
      return () => run(pixels, files.length)
    },
    pixels: (pixels, count) => run(channelsLast(pixels, input.channels, count), count),
  }
}

/**
 * The network of these nodes, as the converter for TensorFlow.js would make it: batch norm folded into the convolution
 * before it, with the ReLU after it.
 */
function build({ nodes }: Graph, tensors: readonly Tensor[]): (input: tf.Tensor) => tf.Tensor {
  const tensor = named(tensors)
  const readers = (value: number) => nodes.flatMap(({ inputs }, index) => (inputs.includes(value) ? [index] : []))
  /** The one node that reads a node's value, if it is of that type. */
  const only = (index: number, type: GraphNode['operation']['type']): number | undefined => {
    const [reader, second] = readers(index + 1)
    return reader !== undefined && second === undefined && nodes[reader]?.operation.type === type ? reader : undefined
  }

  const steps: { inputs: number[]; output: number; apply: Apply }[] = []
  const fused = new Set<number>()
  nodes.forEach((node, index) => {
    const { path, inputs, operation } = node
    if (fused.has(index)) return
    let last = index
    let apply: Apply
    switch (operation.type) {
      case 'conv2d': {
        const norm = only(index, 'batchNorm')
        const activation = only(norm ?? index, 'piecewiseLinear')
        for (const part of [norm, activation]) {
          if (part === undefined) continue
          fused.add(part)
          last = part
        }
        if (activation !== undefined) expectRelu(path, (nodes[activation] as GraphNode).operation)
        const { filter, bias } = folded(tensor, path, operation.bias, norm === undefined ? undefined : nodes[norm])
        const { stride, padding } = operation
        apply = ([x]) =>
          tf.fused.conv2d({
            x: x as tf.Tensor4D,
            filter,
            bias,
            strides: stride,
            pad: border(padding),
            activation: activation === undefined ? 'linear' : 'relu',
          })
        break
      }
      case 'linear': {
        const weight = tensor(`${path}.weight`)
        const matrix = tf.tensor2d(weight.values, weight.shape as [number, number])
        const bias = operation.bias ? tf.tensor1d(tensor(`${path}.bias`).values) : tf.scalar(0)
        // Not fused: a fused product adds the bias twice on this backend.
        apply = ([x]) => tf.add(tf.matMul(x as tf.Tensor2D, matrix, false, true), bias)
        break
      }
      case 'batchNorm':
        throw new Error(`${path}: expected a batch norm only after a convolution, found one elsewhere`)
      default:
        apply = withoutWeights(node) as Apply
    }
    steps.push({ inputs, output: last + 1, apply })
  })

  return input => {
    const values = new Map([[0, input]])
    for (const { inputs, output, apply } of steps) {
      values.set(output, apply(inputs.map(from => values.get(from) as tf.Tensor)))
    }
    return values.get(nodes.length) as tf.Tensor
  }
}

/** A filter `[size, size, in, out]` and a bias, with the normalisation after the convolution in them. */
function folded(tensor: (name: string) => Tensor, path: string, hasBias: boolean, norm: GraphNode | undefined) {
  const weight = tensor(`${path}.weight`)
  const [out] = weight.shape as [number]
  const scale = new Float32Array(out).fill(1)
  const bias = hasBias ? tensor(`${path}.bias`).values.slice() : new Float32Array(out)
  if (norm?.operation.type === 'batchNorm') {
    const part = (name: string) => tensor(`${norm.path}.${name}`).values
    const [weight, shift, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(part) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ]
    const { epsilon } = norm.operation
    for (let channel = 0; channel < out; channel++) {
      const ratio = (weight[channel] as number) / Math.sqrt((variance[channel] as number) + epsilon)
      scale[channel] = ratio
      bias[channel] = (shift[channel] as number) + ((bias[channel] as number) - (mean[channel] as number)) * ratio
    }
  }
  const filter = tf.tidy(() => tf.mul(filterOf(weight), tf.tensor1d(scale)) as tf.Tensor4D)
  return { filter, bias: tf.tensor1d(bias) }
}
