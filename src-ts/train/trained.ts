/** What a model's weights were trained on, and how that went: what stays with them when the training is over. */
import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import type { ModelDefinition } from '../model/definition.js'
import { modeShape, ownMode, type Mode } from '../model/mode.js'
import type { TrainingState } from './checkpoint.js'
import { settingsSchema, type TrainSettings } from './settings.js'

/** The training that a model's weights come from. */
export interface Trained {
  /** What the data was called: a folder, a list, an archive. */
  data: string
  images: number
  /** Images of each class, in the order of the labels. */
  classes: readonly { name: string; images: number }[]
  /** Epochs done. */
  epochs: number
  settings: TrainSettings
  /** The mode it was trained in; none if its layers mask in more than one way. */
  mode?: Mode | undefined
  /** How these weights did on the test set, in that mode, if there was one. */
  test?: TrainedTest | undefined
}

/** A test within a training. */
export interface TrainedTest {
  /** The epoch after which, counted from 1. */
  epoch: number
  images: number
  correct: number
  accuracy: number
  loss: number
}

const count = z.int().min(0)

const modeSchema = z
  .object(modeShape)
  .refine(({ mode }) => mode !== undefined, { error: 'a mode' }) as unknown as z.ZodType<Mode>

export const trainedSchema = z.strictObject({
  data: z.string(),
  images: count,
  classes: z.array(z.strictObject({ name: z.string(), images: count })).readonly(),
  epochs: count,
  settings: settingsSchema,
  mode: modeSchema.optional(),
  test: z
    .strictObject({ epoch: count, images: count, correct: count, accuracy: z.number(), loss: z.number() })
    .optional(),
}) satisfies z.ZodType<Trained>

/**
 * What is known after an epoch.
 *
 * @param epoch the one whose weights the model has
 */
export function trainedOn(
  { source, length, balance }: Dataset,
  { settings, history, epoch: epochs }: TrainingState,
  definition: ModelDefinition,
  epoch: number,
): Trained {
  const mode = ownMode(definition)
  const result = history.find(result => result.epoch === epoch)?.test
  const test = result && {
    epoch,
    images: result.images,
    correct: result.correct,
    accuracy: result.accuracy,
    loss: result.loss,
  }
  const classes = balance.classes.map(({ name, count }) => ({ name, images: count }))
  const known = {
    data: source,
    images: length,
    classes,
    epochs,
    settings,
    ...(mode && { mode }),
    ...(test && { test }),
  }
  // Read as from a file, so that a model that is loaded and saved again is the same to the byte.
  return trainedSchema.parse(known)
}
