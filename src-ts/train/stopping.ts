/** Early stopping: when a training has gone on long enough without getting better, and which epoch was the best. */
import * as z from 'zod'
import type { TrainingState } from './checkpoint.js'
import type { StopEvent, TestResult } from './events.js'

/** Options of early stopping. */
export interface EarlyStoppingOptions {
  /** Epochs without getting better after which it ends. */
  patience: number
  /** By how much more than the best so far an epoch must be better; 0 unless given. */
  minDelta?: number | undefined
  /** What is looked at, on the test set: `loss`, unless given, or `accuracy`. */
  metric?: 'loss' | 'accuracy' | undefined
  /** Whether the weights of the best epoch are kept and are the model's at the end; they are unless given. */
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
  /** What the test set came to, in the metric of {@link EarlyStopping}. */
  value: number
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
  epoch: number,
  test: TestResult,
  { metric, minDelta }: EarlyStopping,
): BestEpoch {
  const value = test[metric]
  const better = best && (metric === 'loss' ? value < best.value - minDelta : value > best.value + minDelta)
  return best && !better ? best : { epoch, value }
}

/** Whether a training has ended: with its last epoch, or because it has not got better for too long. */
export function endOf({ epoch, settings, best }: TrainingState): StopEvent['reason'] | undefined {
  const { epochs, earlyStopping } = settings
  if (earlyStopping && best && epoch - best.epoch >= earlyStopping.patience) return 'patience'
  return epoch >= epochs ? 'epochs' : undefined
}
