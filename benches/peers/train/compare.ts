/** One workload: losses, then time in alternating rounds, then memory. */
import { alternate, type Run } from '../turns.js'
import { checkCurves, judged, type Contestant, type Curve } from './curves.js'
import { canRun, Training, type Python } from './process.js'
import type { Entry } from './entries.js'
import { peakOfSteps, type Peak } from './memory.js'
import type { TrainPrepared } from './prepare.js'

export interface CompareOptions {
  rounds: number
  threads: number
  /** Ours first. */
  entries: readonly Entry[]
  python: Python | undefined
}

/** What one entry was measured to take. */
export interface TrainResult {
  workload: TrainPrepared
  entry: Entry
  threads: number
  versions: Record<string, string>
  curve: Curve
  /** Milliseconds a step, a value a round. */
  steps: number[]
  /** Milliseconds that reading and decoding a file once took, a value a round; of ours alone. */
  reading: number[]
  peak: Peak
}

/** Compares all entries that can be run and judged. */
export async function compareTraining(workload: TrainPrepared, options: CompareOptions): Promise<TrainResult[]> {
  const { rounds, threads, python } = options
  const { batch, files } = workload
  const entries = judged(options.entries, python).filter(entry => canRun(entry, python))
  const contestants: Contestant[] = []
  const measured: Omit<TrainResult, 'peak'>[] = []
  try {
    for (const entry of entries) {
      const opening = { ...entry, workload, threads, batch, pictures: files.length }
      contestants.push({ entry, training: await Training.begin(opening, python, 'time') })
    }
    const curves = await checkCurves(workload, contestants, threads, python)
    const [{ training: first }] = contestants as [Contestant]
    const runs: Run[] = contestants.map(({ training }) => async count => {
      return (await training.tell({ type: 'steps', count })).milliseconds
    })
    const [reading, ...steps] = await alternate(
      [async count => (await first.tell({ type: 'read', count })).milliseconds, ...runs],
      rounds,
    )
    contestants.forEach(({ entry, training }, index) => {
      measured.push({
        workload,
        entry,
        ...training.opened,
        curve: curves[index] as Curve,
        steps: steps[index] as number[],
        reading: index === 0 ? (reading as number[]).map(time => time / files.length) : [],
      })
    })
  } finally {
    await Promise.all(contestants.map(({ training }) => training.end()))
  }
  // Afterwards, because processes that wait have memory too.
  const results: TrainResult[] = []
  for (const result of measured) {
    results.push({ ...result, peak: await peakOfSteps(workload, result.entry, { threads, batch, python }) })
  }
  return results
}
