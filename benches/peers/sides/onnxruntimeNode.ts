/** sharp and onnxruntime's native library: what a Node user would install. */
import * as runtime from 'onnxruntime-node'
import { onnxruntime } from './onnxruntime.js'
import type { OpenSide } from './side.js'

export const open: OpenSide = async (workload, threads) => {
  const session = await runtime.InferenceSession.create(workload.onnx, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  })
  return onnxruntime(runtime, session, workload, threads, 'onnxruntime-node')
}
