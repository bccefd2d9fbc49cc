/** Single 3×3 convolutions of onnxruntime, whose direct convolution is the rival of ours. */
import { env, InferenceSession, Tensor } from 'onnxruntime-node'
import type { Graph } from '../../dist/model/graph.js'
import { median } from './compare.js'
import { INPUT, onnxFile } from './onnx.js'

/** Channels and the side of the maps that have them in residual networks for 32×32 and 256×256. */
const SHAPES = [
  { channels: 16, side: 32 },
  { channels: 32, side: 32 },
  { channels: 64, side: 32 },
  { channels: 64, side: 64 },
  { channels: 128, side: 32 },
  { channels: 256, side: 16 },
  { channels: 512, side: 8 },
] as const

/**
 * Convolutions a graph: entering and leaving the runtime's blocked layout is no part of a convolution within a network, and
 * is spread over them.
 */
const CHAIN = 8
/** Milliseconds a round lasts at least. */
const ROUND = 100

export interface ConvolutionResult {
  channels: number
  side: number
  batch: number
  threads: number
  version: string
  milliseconds: number
  gigaflops: number
}

/** Times C → C convolutions at these batches and threads. */
export async function convolutions(rounds: number, threads: number): Promise<ConvolutionResult[]> {
  const results: ConvolutionResult[] = []
  for (const { channels, side } of SHAPES) {
    const session = await InferenceSession.create(chain(channels, side), {
      graphOptimizationLevel: 'all',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    })
    for (const batch of [1, 16]) {
      const values = Float32Array.from({ length: batch * channels * side * side }, (_, at) => Math.sin(at))
      const input = { [INPUT]: new Tensor('float32', values, [batch, channels, side, side]) }
      const timed = async (runs: number) => {
        const start = performance.now()
        for (let run = 0; run < runs; run++) await session.run(input)
        return (performance.now() - start) / runs / CHAIN
      }
      await timed(2)
      const runs = Math.ceil(ROUND / CHAIN / (await timed(2)))
      const times: number[] = []
      for (let round = 0; round < rounds; round++) times.push(await timed(runs))
      const milliseconds = median(times)
      const operations = 2 * 9 * channels * channels * side * side * batch
      const version = env.versions.node ?? ''
      results.push({
        channels,
        side,
        batch,
        threads,
        version,
        milliseconds,
        gigaflops: operations / milliseconds / 1e6,
      })
    }
    await session.release()
  }
  return results
}

function chain(channels: number, side: number): Uint8Array {
  const paths = Array.from({ length: CHAIN }, (_, index) => `conv${index}`)
  const graph: Graph = {
    input: { channels, height: side, width: side, mean: [], std: [] },
    nodes: paths.map((path, index) => ({
      path,
      inputs: [index],
      operation: { type: 'conv2d', channels, size: 3, stride: 1, padding: 1, bias: false, factorisation: 'auto' },
    })),
  }
  const shape = [channels, channels, 3, 3]
  // Of a size that keeps eight convolutions in a row within float32's normal numbers, which alone run at full speed.
  const scale = Math.sqrt(2 / (9 * channels))
  const values = Float32Array.from({ length: channels * channels * 9 }, (_, at) => Math.cos(7 * at) * scale)
  return onnxFile(
    graph,
    paths.map(path => ({ name: `${path}.weight`, shape, values })),
  )
}
