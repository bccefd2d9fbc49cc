import * as z from 'zod'
import type { Evaluation } from '../model/evaluation.js'

/** What an epoch came to. */
export interface EpochResult {
  /** Counted from 1. */
  epoch: number
  /** Mean loss over the epoch, each batch before its update. */
  loss: number
  /** Share that was right, each batch before its update. */
  accuracy: number
  imagesPerSecond: number
  /** Time its steps took. */
  seconds: number
  /** That of its last step, the optimizer's, as scheduled; not of epochs that earlier versions trained. */
  learningRate?: number | undefined
  /** How the test set went, if there is one. */
  test?: TestResult | undefined
}

/** What an evaluation came to, in numbers. */
export type TestResult = Pick<Evaluation, 'images' | 'correct' | 'accuracy' | 'loss' | 'imagesPerSecond'>

const number = z.number()
const count = z.int().min(0)

export const epochResultSchema = z.strictObject({
  epoch: z.int().min(1),
  loss: number,
  accuracy: number,
  imagesPerSecond: number,
  seconds: number,
  learningRate: number.optional(),
  test: z
    .strictObject({ images: count, correct: count, accuracy: number, loss: number, imagesPerSecond: number })
    .optional(),
}) satisfies z.ZodType<EpochResult>
