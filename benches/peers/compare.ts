/** One workload at one batch: answers, then time in alternating rounds, then memory. */
import { agreements, type Agreement } from './answers.js'
import type { Prepared } from './prepare.js'
import { Contender } from './process.js'
import type { SideName } from './sides/names.js'
import { MEASURES } from './sides/side.js'
import { timeInTurns, type Times } from './turns.js'

/** Batches of the process whose memory is measured. */
const BATCHES_FOR_MEMORY = 4
const NOT_YET: Times = { whole: [], decode: [], network: [] }

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
  times: Times
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
      results.push({ workload, batch, side, ...opened, times: NOT_YET, peakMegabytes: 0, agreement: undefined })
    }
    const [ours, ...peers] = contenders as [Contender, ...Contender[]]
    const agreement = await agreements(workload, ours, peers)
    for (const result of results) result.agreement = agreement.get(result.side)
    const times = await timeInTurns(contenders, MEASURES, rounds)
    results.forEach((result, index) => (result.times = times[index] as Times))
  } finally {
    await Promise.all(contenders.map(contender => contender.end()))
  }
  // Afterwards, because processes that wait have memory too.
  for (const result of results) result.peakMegabytes = await peakMemory(result, threads)
  return results
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
