import { lift, readSafetensors as nativeRead, writeSafetensors as nativeWrite } from '../native/addon.js'

/** A tensor with PyTorch's name for it. */
export interface Tensor {
  /** `layer1.0.conv1.weight`. */
  name: string
  /** Lengths of the axes; empty for a single value. */
  shape: number[]
  /** Row-major. */
  values: Float32Array
}

/** A safetensors file. */
export interface Safetensors {
  /** What the file says about itself. */
  metadata: Record<string, string>
  /** In the file's order. */
  tensors: Tensor[]
}

/**
 * Reads a safetensors file; values of every type (float64, float16, bfloat16, integers) become float32.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `INVALID_WEIGHTS`
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return lift(await nativeRead(path))
}

/**
 * Writes a safetensors file: aside first, then in place of the old one, which a failure leaves as it was.
 *
 * @throws ModelError `WRITE_FAILED`
 */
export async function writeSafetensors(path: string, { tensors, metadata }: Safetensors): Promise<void> {
  lift(await nativeWrite(path, tensors, metadata))
}
