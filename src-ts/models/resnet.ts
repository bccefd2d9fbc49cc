/** Residual networks, written with the public layers only. */
import * as z from 'zod'
import { residual } from '../layers/add.js'
import { batchNorm } from '../layers/batchNorm.js'
import { conv2d } from '../layers/conv2d.js'
import { globalAveragePool } from '../layers/globalAveragePool.js'
import type { AddLayer, Layer } from '../layers/layer.js'
import { linear } from '../layers/linear.js'
import { frequenciesSchema, maskingModeSchema, type MaskingMode } from '../layers/masking.js'
import { relu } from '../layers/relu.js'
import { sequential } from '../layers/sequential.js'
import { defineModel, type ModelDefinition } from '../model/definition.js'
import { checked } from '../options.js'

/** Options that all networks here have. */
export interface NetworkOptions {
  /** 3 (colour) or 1 (luminance); 3 unless given. */
  channels?: number | undefined
  /** Classes to tell apart; 10 unless given. */
  classes?: number | undefined
  /** Pixels from top to bottom; 32 unless given. */
  height?: number | undefined
  /** Pixels from left to right; 32 unless given. */
  width?: number | undefined
  /** How every ReLU is masked; exact unless given, or `asm` where only `frequencies` is given. */
  relu?: MaskingMode | undefined
  /** Frequencies every ReLU's mask keeps, 1…15; 15 unless given. */
  frequencies?: number | undefined
  /** Mean of each channel's samples in 0…1; 0.5 unless given. */
  mean?: readonly number[] | undefined
  /** Deviation of each channel's samples in 0…1; 0.5 unless given. */
  std?: readonly number[] | undefined
}

/** Options of {@link resnet}. */
export interface ResnetOptions extends NetworkOptions {
  /** What it is called; `resnet` unless given. */
  name?: string | undefined
  /** The first convolution; 3×3 at stride 1 with the first stage's channels unless given. */
  stem?: { channels: number; size?: number | undefined; stride?: number | undefined } | undefined
  /** Stages of residual blocks; the first block of a stage has its stride, 1 for the first stage and 2 for others unless given. */
  stages: readonly { blocks: number; channels: number; stride?: number | undefined }[]
  /** `basic`: two 3×3 filters; `bottleneck`: 1×1, 3×3, 1×1 to four times the channels. Basic unless given. */
  block?: 'basic' | 'bottleneck' | undefined
}

const networkShape = {
  channels: z.literal([1, 3]).optional(),
  classes: z.int().min(1).optional(),
  height: z.int().min(8).optional(),
  width: z.int().min(8).optional(),
  relu: maskingModeSchema.optional(),
  frequencies: frequenciesSchema.optional(),
  mean: z.array(z.number()).readonly().optional(),
  std: z.array(z.number().positive()).readonly().optional(),
}

const networkOptionsSchema = z.strictObject(networkShape) satisfies z.ZodType<NetworkOptions>

const stride = z.int().min(1).max(2).optional()

const resnetOptionsSchema = z.strictObject({
  ...networkShape,
  name: z.string().min(1).optional(),
  stem: z.strictObject({ channels: z.int().min(1), size: z.int().min(1).max(15).optional(), stride }).optional(),
  stages: z
    .array(z.strictObject({ blocks: z.int().min(1), channels: z.int().min(1), stride }))
    .min(1)
    .readonly(),
  block: z.enum(['basic', 'bottleneck']).optional(),
}) satisfies z.ZodType<ResnetOptions>

/**
 * The paper's network: three residual blocks of 16, 32 and 64 channels at full, half and quarter size, every shortcut a
 * projection; global average pooling and a linear layer. Parameters are named `block1.conv1.weight`, …, `fc.weight`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function paperResnet(options: NetworkOptions = {}): ModelDefinition {
  const network = checked(networkOptionsSchema, options, 'paperResnet')
  const block = (channels: number, stride: number) => basicBlock(network, { channels, stride, project: true })
  const layers = sequential({
    block1: block(16, 1),
    block2: block(32, 2),
    block3: block(64, 2),
    pool: globalAveragePool(),
    fc: linear({ features: network.classes ?? 10 }),
  })
  return define('paper', network, layers)
}

/**
 * A residual network of any depth and width, its parameters named as torchvision's: `conv1.weight`, `layer1.0.conv1.weight`,
 * `layer2.0.downsample.0.weight`, …, `fc.weight`. A block whose shape does not change adds its input itself, others a
 * projection of it.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function resnet(options: ResnetOptions): ModelDefinition {
  const network = checked(resnetOptionsSchema, options, 'resnet')
  const { stages, block = 'basic', stem, name = 'resnet', classes = 10 } = network
  const first = { channels: stages[0]?.channels ?? 0, ...stem }
  const widening = block === 'bottleneck' ? 4 : 1
  const make = block === 'bottleneck' ? bottleneckBlock : basicBlock
  let channelsIn = first.channels
  const stageLayers = stages.map(({ blocks, channels, stride: own }, index) => {
    const strideOfFirst = own ?? (index === 0 ? 1 : 2)
    return sequential(
      Array.from({ length: blocks }, (_, number) => {
        const stride = number === 0 ? strideOfFirst : 1
        const project = stride !== 1 || channelsIn !== channels * widening
        channelsIn = channels * widening
        return make(network, { channels, stride, project })
      }),
    )
  })
  const layers = sequential({
    conv1: conv2d(first),
    bn1: batchNorm(),
    relu: activation(network),
    ...Object.fromEntries(stageLayers.map((layer, index) => [`layer${index + 1}`, layer])),
    avgpool: globalAveragePool(),
    fc: linear({ features: classes }),
  })
  return define(name, network, layers)
}

interface BlockShape {
  channels: number
  stride: number
  /** Whether the shortcut is a 1×1 convolution rather than the input itself. */
  project: boolean
}

function basicBlock(network: NetworkOptions, { channels, stride, project }: BlockShape): AddLayer {
  return residual({
    body: {
      conv1: conv2d({ channels, stride }),
      bn1: batchNorm(),
      relu: activation(network),
      conv2: conv2d({ channels }),
      bn2: batchNorm(),
    },
    shortcut: project ? { downsample: projection(channels, stride) } : [],
    activation: { relu2: activation(network) },
  })
}

/** The stride lies on the 3×3 filter, as in torchvision's networks (v1.5). */
function bottleneckBlock(network: NetworkOptions, { channels, stride, project }: BlockShape): AddLayer {
  return residual({
    body: {
      conv1: conv2d({ channels, size: 1 }),
      bn1: batchNorm(),
      relu: activation(network),
      conv2: conv2d({ channels, stride }),
      bn2: batchNorm(),
      relu2: activation(network),
      conv3: conv2d({ channels: 4 * channels, size: 1 }),
      bn3: batchNorm(),
    },
    shortcut: project ? { downsample: projection(4 * channels, stride) } : [],
    activation: { relu3: activation(network) },
  })
}

function projection(channels: number, stride: number): Layer {
  return sequential([conv2d({ channels, size: 1, stride }), batchNorm()])
}

function activation({ relu: mode, frequencies }: NetworkOptions): Layer {
  return relu({ mode, frequencies })
}

function define(name: string, network: NetworkOptions, layers: Layer): ModelDefinition {
  const { channels = 3, height = 32, width = 32, mean, std } = network
  return defineModel({ name, input: { channels, height, width, mean, std }, layers })
}
