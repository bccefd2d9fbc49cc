/** The residual networks for ImageNet, with torchvision's names. */
import type { ModelDefinition } from '../model/definition.js'
import { checked } from '../options.js'
import { networkOptionsSchema, type NetworkOptions } from './network.js'
import { residualNetwork, TORCHVISION } from './resnet.js'

/** Blocks of the four stages, by the number of layers with weights. */
const DEPTHS = {
  18: { block: 'basic', blocks: [2, 2, 2, 2] },
  34: { block: 'basic', blocks: [3, 4, 6, 3] },
  50: { block: 'bottleneck', blocks: [3, 4, 6, 3] },
  101: { block: 'bottleneck', blocks: [3, 4, 23, 3] },
  152: { block: 'bottleneck', blocks: [3, 8, 36, 3] },
} as const

/**
 * ResNet-18: 7×7 convolution at stride 2, max pooling, four stages of two basic blocks from 64 to 512 channels. 1000 classes and an input
 * of 224×224 by default; any size is possible. torchvision's weights need `mean: [0.485, 0.456, 0.406]` and `std: [0.229, 0.224, 0.225]`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function resnet18(options: NetworkOptions = {}): ModelDefinition {
  return imagenetResnet(18, options)
}

/** ResNet-34: as {@link resnet18}, with stages of 3, 4, 6 and 3 basic blocks. */
export function resnet34(options: NetworkOptions = {}): ModelDefinition {
  return imagenetResnet(34, options)
}

/** ResNet-50: as {@link resnet18}, with stages of 3, 4, 6 and 3 bottlenecks, strides on their 3×3 filters (v1.5). */
export function resnet50(options: NetworkOptions = {}): ModelDefinition {
  return imagenetResnet(50, options)
}

/** ResNet-101: as {@link resnet50}, with stages of 3, 4, 23 and 3 bottlenecks. */
export function resnet101(options: NetworkOptions = {}): ModelDefinition {
  return imagenetResnet(101, options)
}

/** ResNet-152: as {@link resnet50}, with stages of 3, 8, 36 and 3 bottlenecks. */
export function resnet152(options: NetworkOptions = {}): ModelDefinition {
  return imagenetResnet(152, options)
}

function imagenetResnet(depth: keyof typeof DEPTHS, options: NetworkOptions): ModelDefinition {
  const name = `resnet${depth}`
  const { classes = 1000, height = 224, width = 224, ...given } = checked(networkOptionsSchema, options, name)
  const { block, blocks } = DEPTHS[depth]
  const stages = blocks.map((count, stage) => ({ blocks: count, channels: 64 * 2 ** stage }))
  const stem = { channels: 64, size: 7, stride: 2, maxPool: { size: 3, stride: 2, padding: 1 } }
  return residualNetwork({ ...given, classes, height, width, name, block, stages, stem }, TORCHVISION, name)
}
