/** How long a training is likely to go on, from how long its steps and tests took. */
import { secondsLeft } from '../numbers.js'
import type { TrainingState } from './checkpoint.js'

/** How long what is left is likely to take. */
export interface SecondsLeft {
  /** The rest of the epoch, its test aside. */
  epoch: number
  /** The rest of the training, the tests of its epochs included once one has been made. */
  training: number
}

/** Steps that the estimate looks back on: enough to even out, few enough to follow a machine that gets slower. */
const STEPS = 200

/** Watches a training's clock. */
export class Remaining {
  readonly #steps: { images: number; seconds: number }[] = []
  #test = 0

  /** A step, with the reading of its images, took so long. */
  stepTook(images: number, seconds: number): void {
    this.#steps.push({ images, seconds })
    // The first one compiles and takes memory, and tells little once there are others.
    if (this.#steps.length > STEPS || this.#steps.length === 3) this.#steps.shift()
  }

  /** The test of an epoch took so long. */
  testTook(seconds: number): void {
    this.#test = seconds
  }

  /** What is left of a training that has come so far. */
  left({ epoch, images, unfinished, settings }: TrainingState): SecondsLeft {
    const done = unfinished?.images ?? 0
    const ofEpoch = this.#timeOf(images - done)
    // The epoch at hand is tested too, unless it has not begun.
    const epochs = Math.max(0, settings.epochs - epoch - 1)
    const training = ofEpoch + epochs * this.#timeOf(images) + (epochs + 1) * this.#test
    return { epoch: ofEpoch, training: epoch >= settings.epochs ? 0 : training }
  }

  #timeOf(images: number): number {
    const sum = (of: 'images' | 'seconds') => this.#steps.reduce((sum, step) => sum + step[of], 0)
    return secondsLeft(sum('seconds'), sum('images'), images) ?? 0
  }
}
