/** How much faster more threads train. */
import { alternate, median } from '../turns.js'
import type { Entry } from './entries.js'
import type { TrainPrepared } from './prepare.js'
import { Training } from './process.js'

export interface ThreadsResult {
  workload: TrainPrepared
  entry: Entry
  threads: number
  versions: Record<string, string>
  /** Milliseconds a step, a value a round. */
  steps: number[]
  /** How many times shorter a step is than on the first number of threads. */
  speedup: number
}

/** Times an entry of ours on each number of threads, in alternating rounds. */
export async function compareThreads(
  workload: TrainPrepared,
  entry: Entry,
  numbers: readonly number[],
  rounds: number,
): Promise<ThreadsResult[]> {
  const trainings: Training[] = []
  try {
    for (const threads of numbers) {
      const opening = { ...entry, workload, threads, batch: workload.batch, pictures: workload.files.length }
      trainings.push(await Training.begin(opening, undefined, 'time'))
    }
    const losses = await Promise.all(trainings.map(async training => await training.tell({ type: 'steps', count: 1 })))
    losses.forEach(({ losses: [loss] }, index) => {
      const expected = losses[0]?.losses[0]
      if (loss !== expected) {
        throw new Error(
          `${trainings[index]?.name}, ${numbers[index]} threads: expected a loss of ${expected}, found ${loss}`,
        )
      }
    })
    const times = await alternate(
      trainings.map(training => async count => (await training.tell({ type: 'steps', count })).milliseconds),
      rounds,
    )
    return trainings.map(({ opened }, index) => {
      const steps = times[index] as number[]
      return { workload, entry, ...opened, steps, speedup: median(times[0] as number[]) / median(steps) }
    })
  } finally {
    await Promise.all(trainings.map(training => training.end()))
  }
}
