/** Whether all trainings are the same training, which is asked before any is timed: their losses, step by step. */
import { entryTitle, type Entry } from './entries.js'
import type { TrainPrepared } from './prepare.js'
import { Training, type Python } from './process.js'

/** Steps whose losses are compared. */
export const COMPARED = 10

/**
 * Relative error allowed in the first loss, which doubles with every step up to the most allowed. Float32 gives the first one
 * to 1e-6, and then pixels near ReLU's edge fall on either side of it: in these workloads float32 and float64 of PyTorch itself
 * drift apart by up to 1e-3 in ten steps. ASM's function jumps where its masks change, so 1e-6 of noise moves its first
 * loss by 2e-4. bfloat16 keeps eight bits.
 */
const ALLOWED = {
  exact: { first: 1e-5, most: 5e-3 },
  rounded: { first: 1e-3, most: 2e-2 },
}

/** What an entry's first losses were. */
export interface Curve {
  losses: number[]
  /** Their relative errors; none of what the others were compared with. */
  errors: number[]
  /** What they were compared with. */
  truth: string
}

/** A training that has made no step yet. */
export interface Contestant {
  entry: Entry
  training: Training
}

/** Entries whose losses can be judged: without PyTorch there is no other implementation of approximated and band-limited networks. */
export function judged(entries: readonly Entry[], python: Python | undefined): Entry[] {
  return entries.filter(({ mode }) => python !== undefined || mode === 'exact')
}

/**
 * Makes the first steps of all and compares their losses with those of PyTorch in float64, or, without PyTorch, with the
 * first entry's.
 *
 * @throws Error if one is further off than the rounding of its values can explain
 */
export async function checkCurves(
  workload: TrainPrepared,
  contestants: readonly Contestant[],
  threads: number,
  python: Python | undefined,
): Promise<Curve[]> {
  const truths = new Map<string, { losses: number[]; truth: string }>()
  if (python) {
    for (const mode of new Set(contestants.map(({ entry }) => entry.mode))) {
      const entry: Entry = { program: 'pytorch', mode, precision: 'float64' }
      const { batch, files } = workload
      const opening = { ...entry, workload, threads, batch, pictures: files.length }
      const training = await Training.begin(opening, python, 'time')
      const { losses } = await training.tell({ type: 'steps', count: COMPARED })
      await training.end()
      truths.set(mode, { losses, truth: entryTitle(entry) })
    }
  }
  const curves: Curve[] = []
  for (const { entry, training } of contestants) {
    const { losses } = await training.tell({ type: 'steps', count: COMPARED })
    const known = truths.get(entry.mode)
    if (known) curves.push(compared(training.name, entry, losses, known))
    else {
      truths.set(entry.mode, { losses, truth: entryTitle(entry) })
      curves.push({ losses, errors: [], truth: 'nothing' })
    }
  }
  return curves
}

function compared(where: string, entry: Entry, losses: number[], known: { losses: number[]; truth: string }): Curve {
  const rounds = entry.precision === 'bfloat16' || entry.mode.startsWith('asm')
  const { first, most } = ALLOWED[rounds ? 'rounded' : 'exact']
  const errors = losses.map((loss, step) => Math.abs(loss / (known.losses[step] as number) - 1))
  errors.forEach((error, step) => {
    const allowed = Math.min(most, first * 2 ** step)
    // Written so that a NaN fails.
    if (!(error <= allowed)) {
      const expected = `the loss of ${known.truth}, ${known.losses[step]}, up to ${allowed.toExponential(0)} of it`
      throw new Error(`${where}, step ${step + 1}: expected ${expected}, found ${losses[step]}`)
    }
  })
  return { losses, errors, truth: known.truth }
}
