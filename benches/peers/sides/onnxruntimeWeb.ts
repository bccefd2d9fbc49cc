/** sharp and onnxruntime compiled to WebAssembly, with SIMD and threads. */
import { readFile } from 'node:fs/promises'
import * as runtime from 'onnxruntime-web'
import { onnxruntime } from './onnxruntime.js'
import type { OpenSide } from './side.js'

export const open: OpenSide = async (workload, threads) => {
  runtime.env.wasm.numThreads = threads
  const session = await runtime.InferenceSession.create(await readFile(workload.onnx), {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
  })
  return onnxruntime(runtime, session, workload, runtime.env.wasm.numThreads, 'onnxruntime-web')
}
