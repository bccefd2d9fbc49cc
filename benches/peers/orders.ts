/** What one side does in a process of its own: it does what it is told and says how long that took. */
import { readFile } from 'node:fs/promises'
import { peakMegabytes } from './peak.js'
import type { Prepared } from './prepare.js'
import type { SideName } from './sides/names.js'
import type { Measure, OpenSide, Side } from './sides/side.js'

/** Loads only what a side needs, because its memory is measured. */
const OPEN: Record<SideName, () => Promise<OpenSide>> = {
  jpegnet: async () => (await import('./sides/jpegnet.js')).jpegnet(),
  'jpegnet-band-8': async () => (await import('./sides/jpegnet.js')).jpegnet(8),
  'jpegnet-band-6': async () => (await import('./sides/jpegnet.js')).jpegnet(6),
  'onnxruntime-node': async () => (await import('./sides/onnxruntimeNode.js')).open,
  'onnxruntime-web': async () => (await import('./sides/onnxruntimeWeb.js')).open,
  'tfjs-wasm': async () => (await import('./sides/tfjs.js')).open,
}

/** What a contender can be told. */
export type Order =
  | { type: 'open'; side: SideName; workload: Prepared; threads: number; batch: number }
  /** Logits of the first files. */
  | { type: 'logits'; count: number }
  /** Logits of pixels; none if the side takes only files. */
  | { type: 'pixels'; pixels: Float32Array; count: number }
  /** Runs that many batches, one after the other, each of other files. */
  | { type: 'time'; measure: Measure; batches: number }
  /** The most memory that the process ever had resident. */
  | { type: 'memory' }

/** What it answers, by the order's type. */
export interface Answers {
  open: { versions: Record<string, string>; threads: number }
  logits: Float32Array
  pixels: Float32Array | undefined
  time: { milliseconds: number }
  memory: { megabytes: number }
}

let side: Side
let files: Uint8Array[]
let batch: number
let next = 0
let network: (() => Promise<unknown>) | undefined

/** The next files, from the start again where they end. */
function nextBatch(): Uint8Array[] {
  const taken = Array.from({ length: batch }, (_, index) => files[(next + index) % files.length] as Uint8Array)
  next = (next + batch) % files.length
  return taken
}

/** Does what an order says. */
export async function obey(order: Order): Promise<Answers[Order['type']]> {
  switch (order.type) {
    case 'open': {
      batch = order.batch
      files = await Promise.all(order.workload.files.map(file => readFile(file)))
      const open = await OPEN[order.side]()
      side = await open(order.workload, order.threads)
      return { versions: side.versions, threads: side.threads }
    }
    case 'logits':
      return (await side.whole(files.slice(0, order.count))).slice()
    case 'pixels':
      return (await side.pixels?.(order.pixels, order.count))?.slice()
    case 'time': {
      if (order.measure === 'network') network ??= await side.network(nextBatch())
      const start = performance.now()
      for (let done = 0; done < order.batches; done++) {
        if (order.measure === 'network') await network?.()
        else await side[order.measure](nextBatch())
      }
      return { milliseconds: performance.now() - start }
    }
    case 'memory':
      return { megabytes: await peakMegabytes() }
  }
}
