import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'

/** How the learning rate changes over a training, step by step: plain data. */
export type Schedule =
  | { readonly type: 'constant' }
  | { readonly type: 'step'; every: number; factor: number }
  | { readonly type: 'cosine'; final: number }
  | { readonly type: 'oneCycle'; warmup: number; initial: number; final: number }

/** Options of {@link step}. */
export interface StepOptions {
  /** Epochs from one change to the next. */
  every: number
  /** What each change multiplies by; 0.1 by default. */
  factor?: number | undefined
}

/** Options of {@link cosine}. */
export interface CosineOptions {
  /** Share of the learning rate left at the end; 0 by default. */
  final?: number | undefined
}

/** Options of {@link oneCycle}. */
export interface OneCycleOptions {
  /** Share of the training that warms up; 0.3 by default. */
  warmup?: number | undefined
  /** Share of the learning rate at the beginning; 1/25 by default. */
  initial?: number | undefined
  /** Share of the learning rate at the end; 4e-6 by default. */
  final?: number | undefined
}

const share = z.number().min(0).max(1)
const stepShape = { every: z.int().min(1), factor: z.number().positive() }
const oneCycleShape = { warmup: share, initial: share, final: share }

export const scheduleSchema = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('constant') }),
    z.strictObject({ type: z.literal('step'), ...stepShape }),
    z.strictObject({ type: z.literal('cosine'), final: share }),
    z.strictObject({ type: z.literal('oneCycle'), ...oneCycleShape }),
  ],
  { error: 'a schedule made by constant, step, cosine or oneCycle' },
) satisfies z.ZodType<Schedule>

const stepOptionsSchema = z.strictObject({
  ...stepShape,
  factor: stepShape.factor.optional(),
}) satisfies z.ZodType<StepOptions>

/** The learning rate as it is. */
export function constant(): Schedule {
  return frozen({ type: 'constant' })
}

/**
 * The learning rate times `factor` after every so many epochs.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function step(options: StepOptions): Schedule {
  const { every, factor = 0.1 } = checked(stepOptionsSchema, options, 'step')
  return frozen({ type: 'step', every, factor })
}

/**
 * Half a cosine from the learning rate down to a share of it, which is where the step after the last would be: that of
 * `torch.optim.lr_scheduler.CosineAnnealingLR` with as many steps as `T_max`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function cosine(options: CosineOptions = {}): Schedule {
  const { final = 0 } = checked(z.strictObject({ final: share.optional() }), options, 'cosine')
  return frozen({ type: 'cosine', final })
}

/**
 * Up from a share of the learning rate and down to almost nothing in the last step, both by half a cosine (Smith and Topin, 2018):
 * step by step that of `torch.optim.lr_scheduler.OneCycleLR` with `cycle_momentum=False`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function oneCycle(options: OneCycleOptions = {}): Schedule {
  const schema = z.strictObject(oneCycleShape).partial()
  const { warmup = 0.3, initial = 1 / 25, final = 4e-6 } = checked(schema, options, 'oneCycle')
  return frozen({ type: 'oneCycle', warmup, initial, final })
}

/** Where in a training a step lies. */
export interface StepPlace {
  /** The step, counted from 0 over the whole training. */
  step: number
  stepsPerEpoch: number
  epochs: number
}

/** The share of the learning rate that a schedule gives a step. */
export function scheduleFactor(schedule: Schedule, { step, stepsPerEpoch, epochs }: StepPlace): number {
  const steps = stepsPerEpoch * epochs
  switch (schedule.type) {
    case 'constant':
      return 1
    case 'step':
      return schedule.factor ** Math.floor(Math.floor(step / stepsPerEpoch) / schedule.every)
    case 'cosine':
      return between(1, schedule.final, Math.min(1, step / steps))
    case 'oneCycle': {
      const { warmup, initial, final } = schedule
      if (steps === 1) return warmup > 0 ? initial : 1
      // PyTorch counts steps from 0, and takes one from the end of each part.
      const [top, last] = [warmup * steps - 1, steps - 1]
      if (step < top) return between(initial, 1, step / top)
      return between(1, final, step >= last ? 1 : (step - top) / (last - top))
    }
  }
}

/** Half a cosine from one value to another. */
function between(from: number, to: number, progress: number): number {
  return to + ((from - to) * (1 + Math.cos(Math.PI * progress))) / 2
}
