/** Whether both sides made the same pixels, before anything is timed. */
import { IMAGENET } from '../workloads.js'
import type { Task } from './tasks.js'

/** Grey levels on average that rounding, clamping and shrinking on load may come to. */
const MOST = 3

/** Between two sides, in grey levels. */
export interface Difference {
  mean: number
  largest: number
}

/**
 * How far normalised pixels `[pictures, 3, side, side]` are apart. sharp decodes to whole grey levels, clamped, shrinks large
 * pictures by whole factors within the decoder, and rounds again after resizing.
 *
 * @throws Error if it is more than that can come to
 */
export function differenceOf(task: Task, ours: Float32Array, theirs: Float32Array): Difference {
  if (ours.length !== theirs.length || ours.length === 0) {
    throw new Error(`${task.name}: expected as many pixels of both, found ${ours.length} and ${theirs.length}`)
  }
  const area = (task.transforms?.fixed.side ?? 0) ** 2
  let [sum, largest] = [0, 0]
  for (let at = 0; at < ours.length; at++) {
    const std = IMAGENET.std[Math.floor(at / area) % 3] as number
    const apart = 255 * std * Math.abs((ours[at] as number) - (theirs[at] as number))
    sum += apart
    largest = Math.max(largest, apart)
  }
  const mean = sum / ours.length
  if (!(mean <= MOST)) throw new Error(`${task.name}: expected pixels ${MOST} grey levels apart at most, found ${mean}`)
  return { mean, largest }
}
