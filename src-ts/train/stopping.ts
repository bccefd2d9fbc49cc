/** When a training has gone on long enough, and which weights it leaves. */
import { bestRule, type BestEpoch } from './best.js'
import type { TrainingState } from './checkpoint.js'
import type { StopEvent } from './events.js'

/** The epoch whose weights are kept, if there is one. */
export function keptEpoch({ settings, best }: TrainingState): BestEpoch | undefined {
  return bestRule(settings)?.keep ? best : undefined
}

/** Whether a training has ended: with its last epoch, or because it has not got better for too long. */
export function endOf({ epoch, settings, best }: TrainingState): StopEvent['reason'] | undefined {
  const { epochs, earlyStopping } = settings
  if (earlyStopping && best && epoch - best.epoch >= earlyStopping.patience) return 'patience'
  return epoch >= epochs ? 'epochs' : undefined
}
