/** How all of them train: the paper's network, one cycle of the learning rate. */
import { oneCycle, paperResnet, sgd } from 'jpegnet'
import { scheduleFactor } from '../../../dist/train/schedules.js'
import { permutation } from '../../../dist/native/addon.js'
import { PAPER } from '../workloads.js'

export const BATCH = 128
export const DEFINITION = paperResnet(PAPER)

/** What a run can be given. */
export interface Course {
  epochs: number
  /** The highest of the cycle. */
  learningRate: number
  seed: number
}

/** As `train` takes it. */
export function options({ epochs, learningRate, seed }: Course) {
  return {
    epochs,
    batchSize: BATCH,
    optimizer: sgd({ learningRate, momentum: 0.9, weightDecay: 5e-4 }),
    schedule: oneCycle(),
    seed,
  }
}

/** The order of an epoch's pictures and the learning rates of its steps, as `train` takes them. */
export function epochOf(pictures: number, epoch: number, course: Course): { numbers: number[]; rates: number[] } {
  const { schedule, optimizer } = options(course)
  const stepsPerEpoch = Math.ceil(pictures / BATCH)
  const rates = Array.from({ length: stepsPerEpoch }, (_, step) => {
    const place = { step: epoch * stepsPerEpoch + step, stepsPerEpoch, epochs: course.epochs }
    return optimizer.learningRate * scheduleFactor(schedule, place)
  })
  return { numbers: [...permutation(pictures, course.seed, epoch)], rates }
}
