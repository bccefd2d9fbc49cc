/** What the engine is told of every step of a training. */
import type { ModelNode } from '../model/summary.js'
import type { BindingStepOptions } from '../native/addon.js'
import { withoutUndefined } from '../options.js'
import { layersOfStep } from './layersOfStep.js'
import type { TrainSettings } from './settings.js'

/** What the engine is told of a step, given what the schedule multiplies learning rates by. */
export type UpdateOf = (share: number) => BindingStepOptions

/**
 * How the steps of a training with these settings go.
 *
 * @throws ModelError `INVALID_OPTION` if layers named in the settings are not the model's
 */
export function updates(nodes: readonly ModelNode[], settings: TrainSettings): UpdateOf {
  const { batchSize, labelSmoothing, storage, clip, average } = settings
  const { type, learningRate, ...hyperparameters } = settings.optimizer
  const layers = layersOfStep(nodes, settings)
  return share => ({
    ...hyperparameters,
    optimizer: type,
    learningRate: learningRate * share,
    batch: batchSize,
    labelSmoothing,
    storage,
    ...(clip && withoutUndefined({ clipNorm: clip.norm, clipValue: clip.value })),
    ...(average && { average: average.decay }),
    layers: layers(share),
  })
}

/** Images of a step. */
export function picturesOfStep({ batchSize, accumulate }: TrainSettings): number {
  return batchSize * accumulate
}
