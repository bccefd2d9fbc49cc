import * as z from 'zod'

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

export const earlyStoppingShape = {
  patience: z.int().min(1),
  minDelta: z.number().min(0),
  metric: z.enum(['loss', 'accuracy']),
  restoreBest: z.boolean(),
}
