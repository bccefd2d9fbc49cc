import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { checked, checkedPath, float32Array } from '../options.js'
import { foreignFile } from './foreign.js'
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

const tensorsSchema = z.array(
  z.strictObject({
    name: z.string().min(1),
    shape: z.array(z.int().min(0)),
    values: float32Array,
  }),
) satisfies z.ZodType<Tensor[]>

const contentsSchema = z.strictObject({
  tensors: tensorsSchema,
  metadata: z.record(z.string(), z.string()).optional(),
})

/** @throws ModelError `INVALID_OPTION` if they are not tensors */
export function checkedTensors(tensors: readonly Tensor[], where: string): Tensor[] {
  return checked(tensorsSchema, tensors, where)
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
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `INVALID_WEIGHTS`, also if it is damaged, saying what it is and what makes
 *   safetensors of it if it is another program's
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  const outcome = await nativeRead(checkedPath(path, 'readSafetensors.path'))
  try {
    return lift(outcome)
  } catch (error) {
    if (!(error instanceof ModelError) || error.code === 'FILE_NOT_FOUND') throw error
    const found = await foreignFile(path)
    if (found !== undefined) throw mismatch(error.code, path, 'a safetensors file', found)
    if (error.expected !== 'a safetensors file') throw error
    throw mismatch(error.code, path, error.expected, `a file of another kind (${error.found})`)
  }
}

/**
 * Writes a safetensors file: aside first, then in place of the old one, which a failure leaves as it was.
 *
 * @throws ModelError `WRITE_FAILED`; `INVALID_WEIGHTS` if values do not fill a shape or two tensors have one name
 */
export async function writeSafetensors(
  path: string,
  contents: { tensors: readonly Tensor[]; metadata?: Record<string, string> | undefined },
): Promise<void> {
  const file = checkedPath(path, 'writeSafetensors.path')
  const { tensors, metadata = {} } = checked(contentsSchema, contents, 'writeSafetensors')
  lift(await nativeWrite(file, tensors, metadata))
}
