/** Handles as the model and the data set hold them, and their answers. */
import type { ExecutionContext } from 'ava'
import { NativeJpegSet, NativeNetwork, type BindingStepOptions } from '../../src-ts/native/addon.js'
import { jpegs } from '../fixtures/pictures.js'

/** A small network for pictures of 32×32 and two classes. */
export const spec = {
  input: { channels: 3, height: 32, width: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  nodes: [
    {
      path: 'conv',
      inputs: [0],
      operation: { type: 'conv2d', channels: 16, size: 3, stride: 1, padding: 1, bias: true, factorisation: 'auto' },
    },
    {
      path: 'relu',
      inputs: [1],
      operation: {
        type: 'piecewiseLinear',
        slope: 0,
        intercept: 0,
        breakpoints: [{ at: 0, slopeChange: 1, interceptChange: 0 }],
        masking: 'asm',
        frequencies: 15,
      },
    },
    { path: 'pool', inputs: [2], operation: { type: 'globalAveragePool' } },
    { path: 'fc', inputs: [3], operation: { type: 'linear', features: 2, bias: true } },
  ],
}

export const sgd: BindingStepOptions = { optimizer: 'sgd', learningRate: 0.1 }

/** A network of `spec`. */
export function network(): NativeNetwork {
  const created = NativeNetwork.create(JSON.stringify(spec), 1)
  if (!(created instanceof NativeNetwork)) throw new Error(created.message)
  return created
}

/** A set of the ten pictures. */
export async function tenPictures(): Promise<NativeJpegSet> {
  const set = new NativeJpegSet()
  await set.decodeBuffers(
    jpegs,
    jpegs.map((_, index) => `${index}.jpg`),
  )
  return set
}

/** Numbers of all ten, `times` over. */
export function indices(times = 1): Uint32Array {
  return Uint32Array.from({ length: 10 * times }, (_, index) => index % 10)
}

/** Labels in turn. */
export function labels(times = 1): Uint32Array {
  return indices(times).map(index => index % 2)
}

/** Asserts that an answer is a failure that says this. */
export function failed(
  t: ExecutionContext,
  answer: unknown,
  expected: { code: string; path?: string; message?: RegExp },
): void {
  const { code, path, message } = answer as { code: string; path?: string; message: string }
  t.is(code, expected.code, message)
  if (expected.path !== undefined) t.is(path, expected.path)
  if (expected.message) t.regex(message, expected.message)
}
