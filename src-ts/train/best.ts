/** Which epoch was the best. */
import * as z from 'zod'
import type { EpochResult } from './result.js'
import type { TrainSettings } from './settings.js'

/** The best epoch so far. */
export interface BestEpoch {
  /** Counted from 1. */
  epoch: number
  /** What the test set came to, in the metric that is looked at. */
  value: number
}

export const bestEpochSchema = z.strictObject({
  epoch: z.int().min(1),
  value: z.number(),
}) satisfies z.ZodType<BestEpoch>

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
