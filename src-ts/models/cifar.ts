import * as z from 'zod'
import type { ModelDefinition } from '../model/definition.js'
import { checked } from '../options.js'
import type { Shortcut } from './blocks.js'
import { networkShape, type NetworkOptions } from './network.js'
import { residualNetwork, shortcutSchema, type ParameterNames } from './resnet.js'

/** Depths of {@link cifarResnet}: number of layers with weights, without shortcuts. */
export type CifarDepth = 20 | 32 | 44 | 56 | 110

export const CIFAR_DEPTHS = [20, 32, 44, 56, 110] as const satisfies readonly CifarDepth[]

/** Options of {@link cifarResnet}. */
export interface CifarOptions extends NetworkOptions {
  /** The shortcut of blocks that change the shape: subsampling with channels of zeros (`A`) or a 1×1 convolution (`B`); `A` by default. */
  shortcut?: Shortcut | undefined
}

const depthSchema = z.literal(CIFAR_DEPTHS) satisfies z.ZodType<CifarDepth>

const optionsSchema = z.strictObject({
  ...networkShape,
  shortcut: shortcutSchema.optional(),
}) satisfies z.ZodType<CifarOptions>

const NAMES: ParameterNames = { shortcut: 'shortcut', head: 'linear' }

/**
 * The residual network for small images (He et al. 2016, section 4.2): three stages of (depth − 2) / 6 basic blocks of 16,
 * 32 and 64 channels. Parameters are named `conv1.weight`, `layer1.0.conv1.weight`, …, `linear.weight`; with option B
 * `layer2.0.shortcut.0.weight`, … too.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function cifarResnet(depth: CifarDepth, options: CifarOptions = {}): ModelDefinition {
  const layers = checked(depthSchema, depth, 'cifarResnet.depth')
  const given = checked(optionsSchema, options, 'cifarResnet')
  const stages = [16, 32, 64].map(channels => ({ blocks: (layers - 2) / 6, channels }))
  const architecture = { name: `cifar-resnet${layers}`, stages, shortcut: given.shortcut ?? 'A' }
  return residualNetwork({ ...given, ...architecture }, NAMES, 'cifarResnet')
}
