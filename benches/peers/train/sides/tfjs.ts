/** TensorFlow.js on WebAssembly with SIMD; it has no threads in Node. */
import { readFile } from 'node:fs/promises'
import { register } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import { readSafetensors } from 'jpegnet'
import type { Graph, GraphNode } from '../../../../dist/model/graph.js'
import {
  apart,
  border,
  channelsLast,
  filterOf,
  named,
  startWasm,
  withGradient,
  withoutWeights,
  type Apply,
} from '../../sides/tfjsLayers.js'
import type { OpenTrainSide } from './side.js'

export const open: OpenTrainSide = async ({ workload, mode, batch, pictures }) => {
  const version = await startWasm()
  await registerGradients()
  const graph = JSON.parse(await readFile(workload.graphs[mode], 'utf8')) as Graph
  const { tensors } = await readSafetensors(workload.model)
  const { learningRate, momentum, weightDecay } = workload.optimizer
  const { network, learned } = build(graph, named(tensors))
  const batches = await batchesOf(workload.pixels, batch, pictures)
  const optimizer = tf.train.momentum(learningRate, momentum)
  let done = 0
  return {
    versions: { 'tfjs-wasm': version },
    threads: 1,
    async step() {
      const { pixels, wanted } = batches[done++ % batches.length] as (typeof batches)[number]
      const loss = tf.tidy(() => {
        const { value, grads } = tf.variableGrads(() => {
          return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(network(pixels)), wanted), 1))) as tf.Scalar
        }, learned)
        const pulled = learned.map(variable => {
          const gradient = grads[variable.name] as tf.Tensor
          return { name: variable.name, tensor: tf.add(gradient, tf.mul(variable, weightDecay)) }
        })
        optimizer.applyGradients(pulled)
        return value
      })
      const [value] = await loss.data()
      loss.dispose()
      return value as number
    },
  }
}

/**
 * Registers TensorFlow.js's gradients. The build of it that Node loads leaves them out, and the modules that have them name
 * each other without `.js`, as bundlers and not Node allow.
 */
async function registerGradients(): Promise<void> {
  const resolve = `export const resolve = (name, context, next) =>
    next(name, context).catch(() => next(name + '.js', context))`
  register(`data:text/javascript,${encodeURIComponent(resolve)}`)
  // Not a name that is known when this is compiled: its declarations are those of the build that Node loads.
  const gradients: string = '@tensorflow/tfjs-core/dist/register_all_gradients.js'
  await import(gradients)
}

/** Pixels `[batch, height, width, channels]` and probabilities that are wanted `[batch, classes]`, a pair a batch. */
async function batchesOf(file: string, batch: number, pictures: number) {
  const tensor = named((await readSafetensors(file)).tensors)
  const { values: pixels, shape } = tensor('pixels')
  const { values: labels } = tensor('labels')
  const [there, channels, height, width] = shape as [number, number, number, number]
  const classes = labels.reduce((most, label) => Math.max(most, label), 0) + 1
  const ofPicture = channels * height * width
  return Array.from({ length: Math.ceil(pictures / batch) }, (_, index) => {
    const count = Math.min(batch, pictures - index * batch)
    const numbers = Array.from({ length: count }, (_, within) => (index * batch + within) % there)
    const some = new Float32Array(count * ofPicture)
    numbers.forEach((number, at) => {
      some.set(pixels.subarray(number * ofPicture, (number + 1) * ofPicture), at * ofPicture)
    })
    const own = Int32Array.from(numbers, number => labels[number] as number)
    return {
      pixels: tf.tensor4d(channelsLast(some, channels, count), [count, height, width, channels]),
      wanted: tf.cast(tf.oneHot(tf.tensor1d(own, 'int32'), classes), 'float32'),
    }
  })
}

/** The network of these nodes, and what it learns. */
function build({ nodes }: Graph, tensor: ReturnType<typeof named>) {
  const learned: tf.Variable[] = []
  const learn = (initial: tf.Tensor): tf.Variable => {
    const variable = tf.variable(initial)
    learned.push(variable)
    return variable
  }
  const vector = (name: string) => tf.tensor1d(tensor(name).values)
  const layers = nodes.map((node): Apply => {
    const { path, operation } = node
    switch (operation.type) {
      case 'conv2d': {
        const filter = learn(filterOf(tensor(`${path}.weight`)))
        const bias = operation.bias ? learn(vector(`${path}.bias`)) : undefined
        const convolve = convolution(operation.stride, operation.padding)
        return ([x]) => {
          const y = convolve(x as tf.Tensor, filter)
          return bias ? tf.add(y, bias) : y
        }
      }
      case 'batchNorm':
        return batchNorm(operation, learn(vector(`${path}.weight`)), learn(vector(`${path}.bias`)), [
          tf.variable(vector(`${path}.running_mean`), false),
          tf.variable(vector(`${path}.running_var`), false),
        ])
      case 'linear': {
        const { values, shape } = tensor(`${path}.weight`)
        const matrix = learn(tf.tensor2d(values, shape as [number, number]))
        const bias = operation.bias ? learn(vector(`${path}.bias`)) : tf.scalar(0)
        return ([x]) => tf.add(tf.matMul(x as tf.Tensor2D, matrix, false, true), bias)
      }
      default:
        return withoutWeights(node) as Apply
    }
  })
  const network = (input: tf.Tensor): tf.Tensor => {
    const values = [input]
    nodes.forEach(({ inputs }, index) => {
      values.push((layers[index] as Apply)(inputs.map(from => values[from] as tf.Tensor)))
    })
    return values.at(-1) as tf.Tensor
  }
  return { network, learned }
}

/** Normalises by the batch's statistics, which the running ones follow. */
function batchNorm(
  { momentum, epsilon }: Extract<GraphNode['operation'], { type: 'batchNorm' }>,
  weight: tf.Variable,
  bias: tf.Variable,
  [runningMean, runningVariance]: [tf.Variable, tf.Variable],
): Apply {
  return ([x]) => {
    const map = x as tf.Tensor4D
    const { mean, variance } = tf.moments(map, [0, 1, 2])
    const values = map.size / map.shape[3]
    const follow = (running: tf.Variable, found: tf.Tensor) =>
      running.assign(tf.add(tf.mul(running, 1 - momentum), tf.mul(found, momentum)))
    follow(runningMean, mean)
    follow(runningVariance, tf.mul(variance, values / (values - 1)))
    return tf.batchNorm(map, mean as tf.Tensor1D, variance as tf.Tensor1D, bias as tf.Tensor1D, weight as tf.Tensor1D, epsilon) // prettier-ignore
  }
}

/**
 * A convolution whose gradients are convolutions too. This backend has no kernel for the gradient of the filter, and one for
 * that of the input that takes ten times as long.
 */
function convolution(stride: number, padding: number): (x: tf.Tensor, filter: tf.Tensor) => tf.Tensor {
  return withGradient(
    ([x, filter]) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, border(padding)),
    (dy, [x, filter]) => {
      const [map, gradient, weights] = [x as tf.Tensor4D, dy as tf.Tensor4D, filter as tf.Tensor4D]
      return [
        inputGradient(gradient, weights, map.shape, stride, padding),
        filterGradient(map, gradient, weights.shape, stride, padding),
      ]
    },
  )
}

/** The output's gradient, zeros between its pixels, convolved with the filter turned by half a circle. */
function inputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  [, height, width]: number[],
  stride: number,
  padding: number,
): tf.Tensor {
  const [high, wide] = filter.shape
  const spread = apart(dy, stride)
  const around = (length: number, size: number, there: number): [number, number] => {
    return [size - 1 - padding, length + padding - there]
  }
  const vertical = around(height as number, high, spread.shape[1])
  const horizontal = around(width as number, wide, spread.shape[2])
  const padded = tf.pad(spread, [[0, 0], vertical, horizontal, [0, 0]])
  const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2])
  return tf.conv2d(padded, turned as tf.Tensor4D, 1, 'valid')
}

/** The input, its pictures as channels, convolved with the output's gradient as a filter. */
function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  [high, wide, channelsIn, channelsOut]: [number, number, number, number],
  stride: number,
  padding: number,
): tf.Tensor {
  const pictures = tf.transpose(tf.pad(x, border(padding)), [3, 1, 2, 0]) as tf.Tensor4D
  const gradient = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D
  const products = tf.conv2d(pictures, gradient, 1, 'valid', 'NHWC', stride)
  return tf.transpose(tf.slice(products, [0, 0, 0, 0], [channelsIn, high, wide, channelsOut]), [1, 2, 0, 3])
}
