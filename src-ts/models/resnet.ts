/** Residual networks of any depth and width, written with the public layers only. */
import * as z from 'zod'
import { batchNorm } from '../layers/batchNorm.js'
import { conv2d } from '../layers/conv2d.js'
import { globalAveragePool } from '../layers/globalAveragePool.js'
import { linear } from '../layers/linear.js'
import { maxPool, type MaxPoolOptions } from '../layers/maxPool.js'
import { relu } from '../layers/relu.js'
import { sequential } from '../layers/sequential.js'
import type { ModelDefinition } from '../model/definition.js'
import { checked } from '../options.js'
import { basic, bottleneck, type Shortcut } from './blocks.js'
import { CLASSES, network, networkShape, type NetworkOptions } from './network.js'

/** Options of {@link resnet}. */
export interface ResnetOptions extends NetworkOptions {
  /** What it is called; `resnet` by default. */
  name?: string | undefined
  /** The first convolution, 3×3 at stride 1 with the first stage's channels by default, and max pooling after it, if any. */
  stem?:
    | {
        channels: number
        size?: number | undefined
        stride?: number | undefined
        maxPool?: MaxPoolOptions | undefined
      }
    | undefined
  /** Stages of residual blocks; the first block of a stage has its stride, 1 for the first stage and 2 for others by default. */
  stages: readonly { blocks: number; channels: number; stride?: number | undefined }[]
  /** `basic`: two 3×3 filters; `bottleneck`: 1×1, 3×3, 1×1 to four times the channels. Basic by default. */
  block?: 'basic' | 'bottleneck' | undefined
  /** The shortcut of blocks that change the shape: subsampling with channels of zeros (`A`) or a 1×1 convolution (`B`); `B` by default. */
  shortcut?: Shortcut | undefined
}

const stride = z.int().min(1).max(2).optional()

export const shortcutSchema = z.enum(['A', 'B'])

const resnetOptionsSchema = z.strictObject({
  ...networkShape,
  name: z.string().min(1).optional(),
  stem: z
    .strictObject({
      channels: z.int().min(1),
      size: z.int().min(1).max(15).optional(),
      stride,
      maxPool: z.custom<MaxPoolOptions>().optional(),
    })
    .optional(),
  stages: z
    .array(z.strictObject({ blocks: z.int().min(1), channels: z.int().min(1), stride }))
    .min(1)
    .readonly(),
  block: z.enum(['basic', 'bottleneck']).optional(),
  shortcut: shortcutSchema.optional(),
}) satisfies z.ZodType<ResnetOptions>

/** What a network calls its parameters where networks differ. */
export interface ParameterNames {
  shortcut: string
  head: string
}

export const TORCHVISION: ParameterNames = { shortcut: 'downsample', head: 'fc' }

/**
 * A residual network of any depth and width, its parameters named as torchvision's: `conv1.weight`, `layer1.0.conv1.weight`,
 * `layer2.0.downsample.0.weight`, …, `fc.weight`. A block whose shape does not change adds its input itself.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function resnet(options: ResnetOptions): ModelDefinition {
  return residualNetwork(checked(resnetOptionsSchema, options, 'resnet'), TORCHVISION, 'resnet')
}

/**
 * {@link resnet} with names of its own, of options already checked.
 *
 * @param where what an error calls the options
 */
export function residualNetwork(options: ResnetOptions, names: ParameterNames, where: string): ModelDefinition {
  const { stages, stem, name = 'resnet', classes = CLASSES, shortcut = 'B' } = options
  const { maxPool: pooling, ...first } = { channels: stages[0]?.channels ?? 0, ...stem }
  const { make, widening } = options.block === 'bottleneck' ? bottleneck : basic
  let channelsIn = first.channels
  const stageLayers = stages.map(({ blocks, channels, stride: own }, index) => {
    const strideOfFirst = own ?? (index === 0 ? 1 : 2)
    return sequential(
      Array.from({ length: blocks }, (_, number) => {
        const stride = number === 0 ? strideOfFirst : 1
        const block = make({ channels, channelsIn, stride, shortcut, shortcutName: names.shortcut })
        channelsIn = channels * widening
        return block
      }),
    )
  })
  const layers = sequential({
    conv1: conv2d(first),
    bn1: batchNorm(),
    relu: relu(),
    ...(pooling && { maxpool: maxPool(pooling) }),
    ...Object.fromEntries(stageLayers.map((layer, index) => [`layer${index + 1}`, layer])),
    avgpool: globalAveragePool(),
    [names.head]: linear({ features: classes }),
  })
  return network(name, layers, options, where)
}
