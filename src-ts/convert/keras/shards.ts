/** Weights of a TensorFlow.js model: files that hold tensors one after the other. */
import { open, type FileHandle } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path'
import { ModelError, mismatch } from '../../errors.js'
import type { WeightsGroup } from './topology.js'

/** A tensor with Keras's name for it. */
export interface KerasTensor {
  shape: readonly number[]
  values: Float32Array
}

const WIDTHS: Record<string, number> = { float32: 4, int32: 4, float16: 2, uint16: 2, uint8: 1 }

/**
 * Reads all tensors of the files that a `model.json` names, which lie beside it.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `INVALID_WEIGHTS` if files are shorter or longer than their tensors, a type
 * is not known or a value is not finite
 */
export async function readShards(model: string, groups: readonly WeightsGroup[]): Promise<Map<string, KerasTensor>> {
  const tensors = new Map<string, KerasTensor>()
  for (const { paths, weights } of groups) {
    const widths = weights.map(({ name, dtype, shape, quantization }) => {
      const width = WIDTHS[quantization?.dtype ?? dtype]
      if (width === undefined) throw mismatch('INVALID_WEIGHTS', `${model}: ${name}`, 'floats or integers', dtype)
      return width * shape.reduce((product, side) => product * side, 1)
    })
    const expected = widths.reduce((sum, width) => sum + width, 0)
    const bytes = await concatenated(model, paths, expected)
    let at = 0
    for (const [index, weight] of weights.entries()) {
      const end = at + (widths[index] as number)
      const values = floats(bytes.subarray(at, end), weight)
      at = end
      if (tensors.has(weight.name)) {
        throw mismatch('INVALID_WEIGHTS', `${model}: ${weight.name}`, 'a name of its own', 'one that is taken')
      }
      if (!values.every(Number.isFinite)) {
        throw mismatch('INVALID_WEIGHTS', `${model}: ${weight.name}`, 'finite values', 'an infinite one or NaN')
      }
      tensors.set(weight.name, { shape: weight.shape, values })
    }
  }
  return tensors
}

/** Files one after the other. Their lengths are compared with what is expected before memory is taken. */
async function concatenated(model: string, paths: readonly string[], expected: number): Promise<Uint8Array> {
  const files: { path: string; file: FileHandle; size: number }[] = []
  try {
    for (const name of paths) {
      const path = join(dirname(model), name)
      // A model names files of its own folder, not of the machine.
      if (normalize(name).startsWith('..') || name.includes('://')) {
        throw mismatch('INVALID_WEIGHTS', model, 'files beside it or below', name)
      }
      const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
        if (cause.code === 'ENOENT') throw mismatch('FILE_NOT_FOUND', path, `a file of the weights of ${model}`, 'none')
        throw unreadable(path, cause)
      })
      files.push({ path, file, size: 0 })
      const last = files.at(-1) as { size: number }
      last.size = (await file.stat()).size
    }
    const found = files.reduce((sum, { size }) => sum + size, 0)
    if (found !== expected) {
      throw mismatch('INVALID_WEIGHTS', model, `files of ${expected} bytes together, as its tensors say`, `${found}`)
    }
    const bytes = new Uint8Array(expected)
    let at = 0
    for (const { path, file, size } of files) {
      let done = 0
      while (done < size) {
        const { bytesRead } = await file.read(bytes, at + done, size - done, done).catch((cause: Error) => {
          throw unreadable(path, cause)
        })
        if (bytesRead === 0) throw mismatch('FILE_UNREADABLE', path, `${size} bytes`, `${done}`)
        done += bytesRead
      }
      at += size
    }
    return bytes
  } finally {
    await Promise.all(files.map(({ file }) => file.close()))
  }
}

function unreadable(path: string, cause: Error): ModelError {
  return new ModelError('FILE_UNREADABLE', `${path}: expected a readable file, found ${cause.message}`, { path, cause })
}

/** Little-endian values as float32, quantised ones as their steps say. */
function floats(bytes: Uint8Array, { dtype, quantization }: WeightsGroup['weights'][number]): Float32Array {
  const stored = quantization?.dtype ?? dtype
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const read: Record<string, (at: number) => number> = {
    float32: at => view.getFloat32(at, true),
    int32: at => view.getInt32(at, true),
    float16: at => half(view.getUint16(at, true)),
    uint16: at => view.getUint16(at, true),
    uint8: at => view.getUint8(at),
  }
  const width = WIDTHS[stored] as number
  const value = read[stored] as (at: number) => number
  const { scale = 1, min = 0 } = quantization ?? {}
  return Float32Array.from({ length: bytes.length / width }, (_, index) => value(index * width) * scale + min)
}

/** A float16 from its bits. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023]
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}
