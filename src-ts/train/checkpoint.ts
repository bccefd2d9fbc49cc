/** How far a training has come: what a checkpoint holds beside the tensors. */
import * as z from 'zod'
import { mismatch } from '../errors.js'
import { bestEpochSchema, bestRule, type BestEpoch } from './best.js'
import { epochResultSchema, type EpochResult } from './result.js'
import { changedSettings, settingsSchema, type TrainSettings } from './settings.js'

/** How far a training had come when its model was saved. */
export interface TrainingState {
  /** Epochs done. */
  epoch: number
  /** Steps done, over all epochs. */
  step: number
  /** Images in the data set. */
  images: number
  settings: TrainSettings
  /** What each epoch came to. */
  history: EpochResult[]
  /** What was done of the epoch after those. */
  unfinished?: UnfinishedEpoch | undefined
  /** The best epoch, if it is looked for. */
  best?: BestEpoch | undefined
}

/** A part of an epoch. */
export interface UnfinishedEpoch {
  /** Images it has come to, in the epoch's order. */
  images: number
  /** How many of them it has not seen, because their files had gone or changed. */
  lost?: number | undefined
  /** Sum of their losses, each before the update. */
  lossSum: number
  /** How many of them were right, each before the update. */
  correct: number
  /** Time its steps took. */
  seconds: number
  /** The last step's. */
  learningRate?: number | undefined
}

const count = z.int().min(0)

export const trainingStateSchema = z.strictObject({
  epoch: count,
  step: count,
  images: count,
  settings: settingsSchema,
  history: z.array(epochResultSchema),
  unfinished: z
    .strictObject({
      images: count,
      lost: count.optional(),
      lossSum: z.number(),
      correct: count,
      seconds: z.number(),
      learningRate: z.number().optional(),
    })
    .optional(),
  best: bestEpochSchema.optional(),
}) satisfies z.ZodType<TrainingState>

/**
 * Where a training on so many images begins: where the saved one ended, or at the first image.
 *
 * @returns the state, and what differs from the saved one, as sentences
 * @throws ModelError `INVALID_OPTION` if more epochs are done than shall be
 */
export function beginning(
  saved: TrainingState | undefined,
  settings: TrainSettings,
  images: number,
): { state: TrainingState; changed: string[] } {
  if (!saved) return { state: { epoch: 0, step: 0, images, settings, history: [] }, changed: [] }
  if (settings.epochs < saved.epoch) {
    const expected = `at least ${saved.epoch}, which the checkpoint has done`
    throw mismatch('INVALID_OPTION', 'train.epochs', expected, `${settings.epochs}`)
  }
  const changed = changedSettings(saved.settings, settings)
  if (saved.images !== images) changed.push(`images was ${saved.images}, now ${images}`)
  const { shuffle, seed } = saved.settings
  const sameOrder = saved.images === images && shuffle === settings.shuffle && seed === settings.seed
  if (saved.unfinished && !sameOrder) changed.push(`epoch ${saved.epoch + 1} begins again`)
  const [before, now] = [bestRule(saved.settings), bestRule(settings)]
  const sameBest = before && now && before.metric === now.metric && before.keep === now.keep
  if (saved.best && now && !sameBest) changed.push('the best epoch is looked for anew')
  const { unfinished, best, history, ...rest } = saved
  const state = {
    ...rest,
    images,
    settings,
    history: [...history],
    ...(sameOrder && { unfinished }),
    ...(sameBest && { best }),
  }
  return { state, changed }
}
