/** Timing in alternating rounds: A B A B. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Contender } from './process.js'
import type { Measure } from './sides/side.js'

/** Milliseconds a round of one measure lasts at least, as whole batches. */
const ROUND = 300
/** Milliseconds between turns, in which threads that wait by spinning fall asleep. */
const PAUSE = 40

/** Milliseconds a batch, a value a round. */
export type Times<M extends Measure = Measure> = Record<M, number[]>

/** Times every measure of every contender once a round, one after the other; the times of each contender. */
export async function timeInTurns<M extends Measure>(
  contenders: readonly Contender[],
  measures: readonly M[],
  rounds: number,
): Promise<Times<M>[]> {
  const times = contenders.map(() => Object.fromEntries(measures.map(measure => [measure, []])) as unknown as Times<M>)
  const turns: { contender: Contender; measure: M; batches: number; times: number[] }[] = []
  for (const measure of measures) {
    for (const [index, contender] of contenders.entries()) {
      const batches = await batchesARound(contender, measure)
      turns.push({ contender, measure, batches, times: (times[index] as Times<M>)[measure] })
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { contender, measure, batches, times } of turns) {
      await sleep(PAUSE)
      const { milliseconds } = await contender.tell({ type: 'time', measure, batches })
      times.push(milliseconds / batches)
    }
  }
  return times
}

/** Runs a measure a first time, and a second to see how often it fits into a round. */
async function batchesARound(contender: Contender, measure: Measure): Promise<number> {
  await contender.tell({ type: 'time', measure, batches: 1 })
  const { milliseconds } = await contender.tell({ type: 'time', measure, batches: 1 })
  return Math.max(1, Math.min(500, Math.ceil(ROUND / milliseconds)))
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return ((low ?? NaN) + (high ?? NaN)) / 2
}
