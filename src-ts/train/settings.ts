/** The options that decide the numbers of a training, complete: what a checkpoint keeps of them. */
import { isDeepStrictEqual } from 'node:util'
import * as z from 'zod'
import { shown, withoutUndefined } from '../options.js'
import { mixSchema, type Mix } from '../transforms/mixing.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { earlyStoppingShape, type EarlyStopping, type EarlyStoppingOptions } from './earlyStopping.js'
import { freezeSchema, groupsSchema, type LayerGroup } from './groups.js'
import { adam, optimizerSchema, type Optimizer } from './optimizers.js'
import { constant, scheduleSchema, type Schedule } from './schedules.js'

/** What is done to large gradients: one of both. */
export interface Clipping {
  /** All gradients are scaled so that their norm, of all together, is at most this. */
  norm?: number | undefined
  /** Every element of a gradient is brought into ± this. */
  value?: number | undefined
}

/** A moving average of the weights. */
export interface Average {
  /** Share that each step keeps of the average, once it has warmed up. */
  decay: number
}

/** Options of a moving average of the weights. */
export interface AverageOptions {
  /** Share that each step keeps of the average, once it has warmed up; 0.999 by default. */
  decay?: number | undefined
}

/** The options that decide the numbers of a training. */
export interface TrainSettings {
  epochs: number
  batchSize: number
  accumulate: number
  optimizer: Optimizer
  schedule: Schedule
  labelSmoothing: number
  storage: 'float32' | 'bfloat16'
  augment: readonly Transform[]
  mix: readonly Mix[]
  clip: Clipping | false
  freeze: readonly string[]
  freezeStatistics: boolean
  groups: readonly LayerGroup[]
  average: Average | false
  keepBest: 'accuracy' | 'loss' | false
  earlyStopping: EarlyStopping | false
  shuffle: boolean
  seed: number
}

const positive = z.number().positive().optional()
const clipSchema = z
  .strictObject({ norm: positive, value: positive })
  .refine(({ norm, value }) => (norm === undefined) !== (value === undefined), { error: 'a norm or a value' })
const decay = z.number().min(0).lt(1)

/** More than any machine holds, and as much as the engine counts. */
const batches = z
  .int()
  .min(1)
  .max(2 ** 31 - 1)

const commonShape = {
  epochs: z.int().min(1),
  batchSize: batches,
  accumulate: batches,
  optimizer: optimizerSchema,
  schedule: scheduleSchema,
  labelSmoothing: z.number().min(0).max(1),
  storage: z.enum(['float32', 'bfloat16']),
  augment: transformsSchema,
  mix: z.array(mixSchema).readonly(),
  clip: orFalse(clipSchema),
  freeze: freezeSchema,
  freezeStatistics: z.boolean(),
  groups: groupsSchema,
  keepBest: z.union([z.enum(['accuracy', 'loss']), z.literal(false)], { error: 'accuracy, loss or false' }),
  shuffle: z.boolean(),
  seed: z.int().min(0),
}

/** As the caller gives them: those of early stopping and the average need not be complete. */
export const givenShape = {
  ...z.object(commonShape).partial().shape,
  average: orFalse(z.strictObject({ decay: decay.optional() })).optional(),
  earlyStopping: orFalse(
    z.strictObject({ ...z.object(earlyStoppingShape).partial().shape, patience: earlyStoppingShape.patience }),
  ).optional(),
}

/** As a checkpoint holds them; one of an earlier version lacks some. */
export const settingsSchema = z.strictObject({
  ...commonShape,
  accumulate: commonShape.accumulate.default(1),
  labelSmoothing: commonShape.labelSmoothing.default(0),
  storage: commonShape.storage.default('float32'),
  augment: commonShape.augment.default([]),
  mix: commonShape.mix.default([]),
  clip: commonShape.clip.default(false),
  freeze: commonShape.freeze.default([]),
  freezeStatistics: commonShape.freezeStatistics.default(true),
  groups: commonShape.groups.default([]),
  keepBest: commonShape.keepBest.default(false),
  average: orFalse(z.strictObject({ decay })).default(false),
  earlyStopping: orFalse(z.strictObject(earlyStoppingShape)).default(false),
}) satisfies z.ZodType<TrainSettings>

/** An option that can be turned off, which resuming a training that had it needs. */
function orFalse<T extends z.ZodType>(schema: T) {
  return z.union([schema, z.literal(false)], { error: 'an object of its options, or false' })
}

const DEFAULTS: TrainSettings = {
  epochs: 10,
  batchSize: 64,
  accumulate: 1,
  optimizer: adam(),
  schedule: constant(),
  labelSmoothing: 0,
  storage: 'float32',
  augment: [],
  mix: [],
  clip: false,
  freeze: [],
  freezeStatistics: true,
  groups: [],
  average: false,
  keepBest: false,
  earlyStopping: false,
  shuffle: true,
  seed: 0,
}

/** Settings as a caller gives them. */
export type GivenSettings = {
  [K in keyof Omit<TrainSettings, 'average' | 'earlyStopping'>]?: TrainSettings[K] | undefined
} & {
  average?: AverageOptions | false | undefined
  earlyStopping?: EarlyStoppingOptions | false | undefined
}

/** The settings of a training: given, else the checkpoint's, else the defaults. */
export function trainSettings(given: GivenSettings, saved: TrainSettings | undefined): TrainSettings {
  const { average, earlyStopping, ...rest } = given
  return {
    ...DEFAULTS,
    ...saved,
    ...withoutUndefined(rest),
    ...(average !== undefined && { average: average && { decay: 0.999, ...withoutUndefined(average) } }),
    ...(earlyStopping !== undefined && { earlyStopping: earlyStopping && complete(earlyStopping) }),
  }
}

function complete(given: EarlyStoppingOptions): EarlyStopping {
  return { minDelta: 0, metric: 'loss', restoreBest: true, ...withoutUndefined(given), patience: given.patience }
}

/** What differs between two settings, as sentences. */
export function changedSettings(saved: TrainSettings, now: TrainSettings): string[] {
  const keys = Object.keys(saved) as (keyof TrainSettings)[]
  const differing = keys.filter(key => !isDeepStrictEqual(saved[key], now[key]))
  return differing.map(key => `${key} was ${shown(saved[key])}, now ${shown(now[key])}`)
}
