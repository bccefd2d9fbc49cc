/** sharp and onnxruntime, native or WebAssembly: their interface is one. */
import type { Env, InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { INPUT, OUTPUT } from '../../../dist/export/onnx/twin.js'
import { decoder } from './decode.js'
import type { Prepared } from '../prepare.js'
import type { Side } from './side.js'

/** What both packages export. */
export interface Runtime {
  env: Env
  InferenceSession: {
    create(path: string | Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>
  }
  Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => Tensor
}

/** A contender that runs the twin in this runtime. */
export async function onnxruntime(
  { Tensor, env }: Runtime,
  session: InferenceSession,
  { input }: Prepared,
  threads: number,
  name: 'onnxruntime-node' | 'onnxruntime-web',
): Promise<Side> {
  const decode = decoder(input, 'NCHW', threads)
  const run = async (pixels: Float32Array, count: number) => {
    const dims = [count, input.channels, input.height, input.width]
    const { [OUTPUT]: logits } = await session.run({ [INPUT]: new Tensor('float32', pixels, dims) })
    return logits?.data as Float32Array
  }
  const version = (name === 'onnxruntime-node' ? env.versions.node : env.versions.web) ?? env.versions.common
  return {
    versions: { [name]: version, sharp: sharp.versions.sharp ?? '' },
    threads,
    whole: async files => run(await decode(files), files.length),
    decode,
    async network(files) {
      const pixels = await decode(files)
      return () => run(pixels, files.length)
    },
    pixels: run,
  }
}
