/** Layers that train in another way than the rest: frozen, or with a learning rate and decay of their own. */
import { mismatch } from '../errors.js'
import type { ModelNode } from '../model/summary.js'
import type { BindingStepOptions } from '../native/addon.js'
import { withoutUndefined } from '../options.js'
import { layersLike, learningLayers } from './layers.js'
import type { TrainSettings } from './settings.js'

/** One layer's own way. */
interface OwnWay {
  path: string
  frozen: boolean
  fixedStatistics: boolean
  learningRate?: number | undefined
  factor?: number | undefined
  weightDecay?: number | undefined
}

/** How layers that go another way than the rest are treated by a step, given what the schedule multiplies rates by. */
export type LayersOfStep = (share: number) => NonNullable<BindingStepOptions['layers']>

/**
 * Finds the layers that the settings mean.
 *
 * @throws ModelError `INVALID_OPTION` if a pattern means none or a layer is in two groups, or if nothing is left to learn
 */
export function layersOfStep(nodes: readonly ModelNode[], settings: TrainSettings): LayersOfStep {
  const { freeze, freezeStatistics, groups, optimizer } = settings
  const layers = learningLayers(nodes)
  const frozen = new Set(freeze.flatMap((pattern, at) => layersLike(pattern, layers, `train.freeze.${at}`)))
  const learning = layers.filter(path => !frozen.has(path))
  if (learning.length === 0) throw mismatch('INVALID_OPTION', 'train.freeze', 'layers left to learn', 'none')
  const own = new Map<string, OwnWay>()
  for (const path of frozen) own.set(path, { path, frozen: true, fixedStatistics: freezeStatistics })
  groups.forEach(({ layers: members, ...rates }, number) => {
    const option = `train.groups.${number}.layers`
    const paths = new Set(members.flatMap((pattern, at) => layersLike(pattern, learning, `${option}.${at}`)))
    for (const path of paths) {
      if (own.has(path)) throw mismatch('INVALID_OPTION', option, 'layers of no other group', path)
      own.set(path, { path, frozen: false, fixedStatistics: false, ...rates })
    }
  })
  return share =>
    [...own.values()].map(({ path, frozen, fixedStatistics, learningRate, factor = 1, weightDecay }) => {
      const rate = share * (learningRate ?? factor * optimizer.learningRate)
      return { path, frozen, fixedStatistics, learningRate: rate, ...withoutUndefined({ weightDecay }) }
    })
}
