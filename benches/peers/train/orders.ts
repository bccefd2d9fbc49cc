/** What a training in a process of its own does: what it is told, saying how long that took. */
import { peakMegabytes } from '../peak.js'
import { isPython, type Program, type PythonProgram } from './entries.js'
import type { Opening, OpenTrainSide, TrainSide } from './sides/side.js'

/** Loads only what a side needs, because its memory is measured. */
const OPEN: Record<Exclude<Program, PythonProgram>, () => Promise<OpenTrainSide>> = {
  jpegnet: async () => (await import('./sides/jpegnet.js')).open,
  'tfjs-wasm': async () => (await import('./sides/tfjs.js')).open,
}

/** What a contender can be told. */
export type TrainOrder =
  | ({ type: 'open' } & Opening)
  /** Makes the next steps. */
  | { type: 'steps'; count: number }
  /** Reads and decodes all of the training's files so many times. */
  | { type: 'read'; count: number }
  /** The most memory that the process ever had resident. */
  | { type: 'memory' }

/** What it answers, by the order's type. */
export interface TrainAnswers {
  open: { versions: Record<string, string>; threads: number }
  steps: { losses: number[]; milliseconds: number }
  read: { milliseconds: number }
  memory: { megabytes: number }
}

let side: TrainSide

/** Does what an order says. */
export async function obey(order: TrainOrder): Promise<TrainAnswers[TrainOrder['type']]> {
  switch (order.type) {
    case 'open': {
      if (isPython(order.program)) throw new Error(`expected a program that runs in Node, found ${order.program}`)
      const open = await OPEN[order.program]()
      side = await open(order)
      return { versions: side.versions, threads: side.threads }
    }
    case 'steps': {
      const losses: number[] = []
      const start = performance.now()
      for (let done = 0; done < order.count; done++) losses.push(await side.step())
      return { losses, milliseconds: performance.now() - start }
    }
    case 'read': {
      if (!side.read) throw new Error('expected a side that reads files, found one that takes pixels')
      const start = performance.now()
      for (let done = 0; done < order.count; done++) await side.read()
      return { milliseconds: performance.now() - start }
    }
    case 'memory':
      return { megabytes: await peakMegabytes() }
  }
}
