/** Which epoch was the best, and when a training has gone on long enough without getting better. */
import * as z from 'zod'
import type { TrainingState } from './checkpoint.js'
import type { EpochResult, StopEvent } from './events.js'
import type { TrainSettings } from './settings.js'

/** Options of early stopping. */
export interface EarlyStoppingOptions {
  /** Epochs without getting better after which it ends. */
  patience: number
  /** By how much more than the best so far an epoch must be better; 0 by default. */
  minDelta?: number | undefined
  /** What is looked at, on the test set: `loss` by default, or `accuracy`. */
  metric?: 'loss' | 'accuracy' | undefined
  /** Whether the weights of the best epoch are kept and are the model's at the end; they are by default. */
  restoreBest?: boolean | undefined
}

/** Early stopping, complete. */
export interface EarlyStopping {
  patience: number
  minDelta: number
  metric: 'loss' | 'accuracy'
  restoreBest: boolean
}

/** The best epoch so far. */
export interface BestEpoch {
  /** Counted from 1. */
  epoch: number
  /** What the test set came to, in the metric that is looked at. */
  value: number
}

/** How the best epoch is found, and what happens to its weights. */
export interface BestRule {
  metric: 'loss' | 'accuracy'
  minDelta: number
  /** Whether its weights are kept, and are the model's at the end. */
  keep: boolean
  /** Whether of two epochs with as many right answers the one of less loss is better. */
  lossDecides: boolean
}

/** How these settings have the best epoch found; nothing if they have no use for it. */
export function bestRule({ earlyStopping, keepBest }: TrainSettings): BestRule | undefined {
  if (earlyStopping) {
    const { metric, minDelta, restoreBest } = earlyStopping
    return { metric, minDelta, keep: restoreBest, lossDecides: false }
  }
  return keepBest ? { metric: keepBest, minDelta: 0, keep: true, lossDecides: true } : undefined
}

/** The epoch whose weights are kept, if there is one. */
export function keptEpoch({ settings, best }: TrainingState): BestEpoch | undefined {
  return bestRule(settings)?.keep ? best : undefined
}

export const earlyStoppingShape = {
  patience: z.int().min(1),
  minDelta: z.number().min(0),
  metric: z.enum(['loss', 'accuracy']),
  restoreBest: z.boolean(),
}

export const bestEpochSchema = z.strictObject({
  epoch: z.int().min(1),
  value: z.number(),
}) satisfies z.ZodType<BestEpoch>

/** The best epoch now that another has ended: that one only if it is better by more than the least difference. */
export function bestOf(
  best: BestEpoch | undefined,
  { epoch, test }: EpochResult,
  { metric, minDelta, lossDecides }: BestRule,
  history: readonly EpochResult[],
): BestEpoch | undefined {
  if (!test) return best
  const now = { epoch, value: test[metric] }
  if (!best) return now
  if (lossDecides && now.value === best.value) {
    const before = history.find(({ epoch }) => epoch === best.epoch)?.test
    return before && test.loss < before.loss ? now : best
  }
  const better = metric === 'loss' ? now.value < best.value - minDelta : now.value > best.value + minDelta
  return better ? now : best
}

/** Whether a training has ended: with its last epoch, or because it has not got better for too long. */
export function endOf({ epoch, settings, best }: TrainingState): StopEvent['reason'] | undefined {
  const { epochs, earlyStopping } = settings
  if (earlyStopping && best && epoch - best.epoch >= earlyStopping.patience) return 'patience'
  return epoch >= epochs ? 'epochs' : undefined
}
