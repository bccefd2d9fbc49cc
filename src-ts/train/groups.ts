/** Layers that train in another way than the rest: frozen, or with a learning rate and decay of their own. */
import * as z from 'zod'
import { mismatch } from '../errors.js'
import type { ModelNode } from '../model/summary.js'
import type { BindingStepOptions } from '../native/addon.js'
import { withoutUndefined } from '../options.js'
import { layersLike, learningLayers } from './layers.js'
import type { TrainSettings } from './settings.js'

/** Layers with a learning rate or weight decay of their own. */
export interface LayerGroup {
  /** Paths of layers (`layer4` means all below it); `*` stands for any characters. No layer may be in two groups. */
  layers: readonly string[]
  /** Step size before the schedule; not with `factor`. */
  learningRate?: number | undefined
  /** What the optimizer's learning rate is multiplied by; not with `learningRate`. */
  factor?: number | undefined
  /** Pull towards zero; the optimizer's by default. */
  weightDecay?: number | undefined
}

const notNegative = z.number().min(0).optional()
const patterns = z.array(z.string().min(1)).readonly()

export const freezeSchema = patterns
export const groupsSchema = z
  .array(
    z
      .strictObject({ layers: patterns, learningRate: notNegative, factor: notNegative, weightDecay: notNegative })
      .refine(({ learningRate, factor }) => learningRate === undefined || factor === undefined, {
        error: 'a learningRate or a factor',
      }),
  )
  .readonly() satisfies z.ZodType<readonly LayerGroup[]>

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
