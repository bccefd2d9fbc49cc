/** One workload at one batch: answers, then time in alternating rounds, then memory. */
import { setTimeout as sleep } from 'node:timers/promises'
import { agreements, type Agreement } from './answers.js'
import type { Prepared } from './prepare.js'
import { Contender } from './process.js'
import { MEASURES, type Measure, type SideName } from './sides/side.js'

/** Milliseconds a round of one measure lasts at least, as whole batches. */
const ROUND = 300
/** Milliseconds between turns, in which threads that wait by spinning fall asleep. */
const PAUSE = 40
/** Batches of the process whose memory is measured. */
const BATCHES_FOR_MEMORY = 4

export interface CompareOptions {
  rounds: number
  threads: number
  sides: readonly SideName[]
}

/** What one side was measured to take. */
export interface Result {
  workload: Prepared
  batch: number
  side: SideName
  threads: number
  versions: Record<string, string>
  /** Milliseconds a batch, a value a round. */
  times: Record<Measure, number[]>
  /** Most memory resident in a process that only makes logits of files. */
  peakMegabytes: number
  /** How far its logits are from ours; not of ourselves. */
  agreement: Agreement | undefined
}

/** Compares all sides; the first of them is ours. */
export async function compare(workload: Prepared, batch: number, options: CompareOptions): Promise<Result[]> {
  const { rounds, threads, sides } = options
  const contenders = sides.map(side => new Contender(side, threads))
  const results: Result[] = []
  try {
    for (const [index, contender] of contenders.entries()) {
      const side = sides[index] as SideName
      const opened = await contender.tell({ type: 'open', side, workload, threads, batch })
      const times = { whole: [], decode: [], network: [] }
      results.push({ workload, batch, side, ...opened, times, peakMegabytes: 0, agreement: undefined })
    }
    const [ours, ...peers] = contenders as [Contender, ...Contender[]]
    const agreement = await agreements(workload, ours, peers)
    for (const result of results) result.agreement = agreement.get(result.side)
    await timeInTurns(contenders, results, rounds)
  } finally {
    await Promise.all(contenders.map(contender => contender.end()))
  }
  // Afterwards, because processes that wait have memory too.
  for (const result of results) result.peakMegabytes = await peakMemory(result, threads)
  return results
}

/** Times every measure of every side once a round, one after the other. */
async function timeInTurns(
  contenders: readonly Contender[],
  results: readonly Result[],
  rounds: number,
): Promise<void> {
  const turns = MEASURES.flatMap(measure => {
    return contenders.map((contender, index) => ({ measure, contender, result: results[index] as Result, batches: 1 }))
  })
  for (const turn of turns) turn.batches = await batchesARound(turn.contender, turn.measure)
  for (let round = 0; round < rounds; round++) {
    for (const { measure, contender, result, batches } of turns) {
      await sleep(PAUSE)
      const { milliseconds } = await contender.tell({ type: 'time', measure, batches })
      result.times[measure].push(milliseconds / batches)
    }
  }
}

/** Runs a measure a first time, and a second to see how often it fits into a round. */
async function batchesARound(contender: Contender, measure: Measure): Promise<number> {
  await contender.tell({ type: 'time', measure, batches: 1 })
  const { milliseconds } = await contender.tell({ type: 'time', measure, batches: 1 })
  return Math.max(1, Math.min(500, Math.ceil(ROUND / milliseconds)))
}

async function peakMemory({ workload, batch, side }: Result, threads: number): Promise<number> {
  const contender = new Contender(side, threads)
  try {
    await contender.tell({ type: 'open', side, workload, threads, batch })
    await contender.tell({ type: 'time', measure: 'whole', batches: BATCHES_FOR_MEMORY })
    return (await contender.tell({ type: 'memory' })).megabytes
  } finally {
    await contender.end()
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return ((low ?? NaN) + (high ?? NaN)) / 2
}
