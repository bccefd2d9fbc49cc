/** Timing several ways to do the same work, one after the other again and again, because machines are noisy. */
import { setTimeout as pause } from 'node:timers/promises'
import { throwIfAborted } from '../data/iteration.js'

/** Milliseconds between two works: threads of the one before spin for a while when they have nothing to do. */
const PAUSE = 100

/** Images a second over the rounds. */
export interface Rate {
  median: number
  least: number
  most: number
}

/** Does a round of the work; tells how many seconds it took if it was timed elsewhere. */
export type Work = () => Promise<number | void>

/**
 * Rates of all, in rounds that alternate (A B A B …) after one that warms up.
 *
 * @throws ModelError `ABORTED`; what the work throws
 */
export async function alternating<Name extends string>(
  works: Readonly<Record<Name, Work>>,
  { images, rounds, signal }: { images: number; rounds: number; signal?: AbortSignal | undefined },
): Promise<Record<Name, Rate>> {
  const all = Object.entries<Work>(works)
  const rates = all.map((): number[] => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [number, [, work]] of all.entries()) {
      throwIfAborted(signal)
      await pause(PAUSE)
      const start = performance.now()
      const told = await work()
      const seconds = told ?? (performance.now() - start) / 1000
      if (round > 0) rates[number]?.push(images / seconds)
    }
  }
  return Object.fromEntries(all.map(([name], number) => [name, rateOf(rates[number] ?? [])])) as Record<Name, Rate>
}

function rateOf(rates: readonly number[]): Rate {
  const sorted = [...rates].sort((a, b) => a - b)
  const [least = NaN, most = NaN] = [sorted[0], sorted.at(-1)]
  return { median: sorted[Math.floor(sorted.length / 2)] ?? NaN, least, most }
}
