/** Timing in alternating rounds: A B A B. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender } from './process.js'
import type { Measure } from './sides/side.js'

/** Milliseconds a round of one run lasts at least, as whole batches. */
const ROUND = 300
/** Milliseconds between turns, in which threads that wait by spinning fall asleep. */
const PAUSE = 40

/** Milliseconds a batch, a value a round. */
export type Times<M extends Measure = Measure> = Record<M, number[]>

/** Does so many batches and tells the milliseconds they took. */
export type Run = (batches: number) => Promise<number>

/** Times every measure of every contender once a round, one after the other; the times of each contender. */
export async function timeInTurns<M extends Measure>(
  contenders: readonly Contender[],
  measures: readonly M[],
  rounds: number,
): Promise<Times<M>[]> {
  const runs = measures.flatMap(measure =>
    contenders.map((contender): Run => async batches => {
      return (await contender.tell({ type: 'time', measure, batches })).milliseconds
    }),
  )
  const times = await alternate(runs, rounds)
  return contenders.map((_, contender) => {
    const own = measures.map((measure, index) => [measure, times[index * contenders.length + contender]])
    return Object.fromEntries(own) as Times<M>
  })
}

/** Runs each once a round, one after the other: milliseconds a batch, a value a round, of each run. */
export async function alternate(runs: readonly Run[], rounds: number): Promise<number[][]> {
  const turns: { run: Run; batches: number; times: number[] }[] = []
  for (const run of runs) turns.push({ run, batches: await batchesARound(run), times: [] })
  for (let round = 0; round < rounds; round++) {
    for (const { run, batches, times } of turns) {
      await sleep(PAUSE)
      times.push((await run(batches)) / batches)
    }
  }
  return turns.map(({ times }) => times)
}

/** Runs a first time, and a second to see how often it fits into a round. */
async function batchesARound(run: Run): Promise<number> {
  await run(1)
  return Math.max(1, Math.min(500, Math.ceil(ROUND / (await run(1)))))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return ((low ?? NaN) + (high ?? NaN)) / 2
}
