import * as z from 'zod'
import { isDeepStrictEqual } from 'node:util'
import type { Dataset } from '../data/dataset.js'
import type { JpegSource } from '../data/listing.js'
import { memorySchema, type MemorySize } from '../data/memory.js'
import { checked, shown } from '../options.js'
import { adam, optimizerSchema, type Optimizer } from './optimizers.js'
import { constant, scheduleSchema, type Schedule } from './schedules.js'

/** Options of a training. */
export interface TrainOptions {
  /** Passes over the data, those before a resumed checkpoint counted; 10 unless given. */
  epochs?: number | undefined
  /** Pictures a step; 64 unless given. The last step of an epoch takes what is left. */
  batchSize?: number | undefined
  /** Adam with a learning rate of 0.001 unless given. */
  optimizer?: Optimizer | undefined
  /** Constant unless given. */
  schedule?: Schedule | undefined
  /** Whether each epoch has its own order; it has unless given. */
  shuffle?: boolean | undefined
  /** Where the orders come from: a whole number; 0 unless given. */
  seed?: number | undefined
  /** Pictures to test on after each epoch. */
  test?: JpegSource | Dataset | undefined
  /**
   * Most memory that each set of pictures may take once it is read, as for {@link loadDataset}; a data set in memory has its
   * own. Losses and weights do not depend on it.
   */
  memory?: MemorySize | undefined
  /** Where to save the model, its optimizer and how far it has come after every so many epochs (1 unless given). */
  checkpoint?: { path: string; everyEpochs?: number | undefined } | undefined
  /** Whether to go on from the checkpoint the model was loaded from; options not given are then the checkpoint's. */
  resume?: boolean | undefined
  /** Ends the training between two steps, with an `ABORTED` error; the last checkpoint stays. */
  signal?: AbortSignal | undefined
}

/** The options that decide the numbers of a training. */
export interface TrainSettings {
  epochs: number
  batchSize: number
  optimizer: Optimizer
  schedule: Schedule
  shuffle: boolean
  seed: number
}

const settingsShape = {
  epochs: z.int().min(1),
  batchSize: z.int().min(1),
  optimizer: optimizerSchema,
  schedule: scheduleSchema,
  shuffle: z.boolean(),
  seed: z.int().min(0),
}

export const settingsSchema = z.strictObject(settingsShape) satisfies z.ZodType<TrainSettings>

const trainOptionsSchema = z.strictObject({
  ...z.object(settingsShape).partial().shape,
  test: z.custom<JpegSource | Dataset>().optional(),
  memory: memorySchema.optional(),
  checkpoint: z.strictObject({ path: z.string().min(1), everyEpochs: z.int().min(1).optional() }).optional(),
  resume: z.boolean().optional(),
  signal: z.instanceof(AbortSignal).optional(),
}) satisfies z.ZodType<TrainOptions>

/** @throws ModelError `INVALID_OPTION` */
export function checkedTrainOptions(options: TrainOptions): TrainOptions {
  return checked(trainOptionsSchema, options, 'train')
}

/** The settings of a training: given, else the checkpoint's, else the defaults. */
export function trainSettings(given: Partial<TrainOptions>, saved: TrainSettings | undefined): TrainSettings {
  const defaults = { epochs: 10, batchSize: 64, optimizer: adam(), schedule: constant(), shuffle: true, seed: 0 }
  const { epochs, batchSize, optimizer, schedule, shuffle, seed } = {
    ...defaults,
    ...saved,
    ...withoutUndefined(given),
  }
  return { epochs, batchSize, optimizer, schedule, shuffle, seed }
}

/** What differs between two settings, as sentences. */
export function changedSettings(saved: TrainSettings, now: TrainSettings): string[] {
  const keys = Object.keys(saved) as (keyof TrainSettings)[]
  const differing = keys.filter(key => !isDeepStrictEqual(saved[key], now[key]))
  return differing.map(key => `${key} was ${shown(saved[key])}, now ${shown(now[key])}`)
}

function withoutUndefined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
