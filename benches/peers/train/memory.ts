/** How much memory a few steps take, and the largest batch whose steps fit in so much. */
import { bytesOf } from '../../../dist/data/memory.js'
import type { Entry } from './entries.js'
import type { TrainPrepared } from './prepare.js'
import { Training, type Python } from './process.js'

/** Steps of the process whose memory is measured, over the pictures of two batches. */
const STEPS = 3
/** Batches are multiples of this. */
const MULTIPLE = 8

export interface MemoryOptions {
  threads: number
  batch: number
  python: Python | undefined
}

/** The most memory resident in a process that only trains. */
export interface Peak {
  /** Before its first step: program, weights, pictures. */
  beforeMegabytes: number
  megabytes: number
  versions: Record<string, string>
}

/** Measures a few steps in a process of their own. */
export async function peakOfSteps(
  workload: TrainPrepared,
  entry: Entry,
  { threads, batch, python }: MemoryOptions,
): Promise<Peak> {
  const opening = { ...entry, workload, threads, batch, pictures: 2 * batch }
  const training = await Training.begin(opening, python, 'memory')
  try {
    const { megabytes: beforeMegabytes } = await training.tell({ type: 'memory' })
    await training.tell({ type: 'steps', count: STEPS })
    const { megabytes } = await training.tell({ type: 'memory' })
    return { beforeMegabytes, megabytes, versions: training.opened.versions }
  } finally {
    await training.end()
  }
}

/** The largest batch that fits in a budget. */
export interface LargestBatch {
  workload: TrainPrepared
  entry: Entry
  threads: number
  /** As it was given: `2GB`. */
  budget: string
  /** 0 if the smallest does not fit. */
  batch: number
  /** Of that batch. */
  peak: Peak | undefined
}

/** Finds it among the multiples of eight, by doubling and then halving what is between. */
export async function largestBatch(
  workload: TrainPrepared,
  entry: Entry,
  budget: string,
  { threads, python }: Omit<MemoryOptions, 'batch'>,
): Promise<LargestBatch> {
  const budgetMegabytes = (bytesOf(budget) ?? 0) / 2 ** 20
  let best: { batch: number; peak: Peak | undefined } = { batch: 0, peak: undefined }
  let tooLarge = Infinity
  for (let batch = MULTIPLE; batch < tooLarge && batch > best.batch;) {
    const peak = await peakOfSteps(workload, entry, { threads, batch, python })
    if (peak.megabytes <= budgetMegabytes) best = { batch, peak }
    else tooLarge = batch
    const middle = Math.floor((best.batch + tooLarge) / 2 / MULTIPLE) * MULTIPLE
    batch = tooLarge === Infinity ? 2 * batch : middle
  }
  return { workload, entry, threads, budget, ...best }
}
