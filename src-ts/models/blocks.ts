/** Residual blocks. */
import { residual } from '../layers/add.js'
import { batchNorm } from '../layers/batchNorm.js'
import { conv2d } from '../layers/conv2d.js'
import type { AddLayer, Layers } from '../layers/layer.js'
import { relu } from '../layers/relu.js'
import { sequential } from '../layers/sequential.js'
import { subsample } from '../layers/subsample.js'

/**
 * What a block adds where its shape changes: `A`, every stride-th pixel with channels of zeros; `B`, a learned projection
 * (He et al. 2016).
 *
 * @inline
 */
export type Shortcut = 'A' | 'B'

/** A block as its stage has it. */
export interface BlockShape {
  /** Channels of its 3×3 filters. */
  channels: number
  /** Channels that come in; others than go out, or a stride, change the shape. */
  channelsIn: number
  stride: number
  shortcut: Shortcut
  /** What the shortcut's parameters are called. */
  shortcutName: string
}

/** A kind of block. */
export interface Block {
  /** Channels out for each of its 3×3 filters'. */
  widening: number
  make: (shape: BlockShape) => AddLayer
}

/** Two 3×3 filters. */
export const basic: Block = {
  widening: 1,
  make: shape =>
    residual({
      body: {
        conv1: conv2d({ channels: shape.channels, stride: shape.stride }),
        bn1: batchNorm(),
        relu: relu(),
        conv2: conv2d({ channels: shape.channels }),
        bn2: batchNorm(),
      },
      shortcut: shortcutOf(shape, shape.channels),
      activation: { relu2: relu() },
    }),
}

/** 1×1, 3×3, 1×1 to four times the channels; the stride lies on the 3×3 filter, as in torchvision's networks (v1.5). */
export const bottleneck: Block = {
  widening: 4,
  make: shape =>
    residual({
      body: {
        conv1: conv2d({ channels: shape.channels, size: 1 }),
        bn1: batchNorm(),
        relu: relu(),
        conv2: conv2d({ channels: shape.channels, stride: shape.stride }),
        bn2: batchNorm(),
        relu2: relu(),
        conv3: conv2d({ channels: 4 * shape.channels, size: 1 }),
        bn3: batchNorm(),
      },
      shortcut: shortcutOf(shape, 4 * shape.channels),
      activation: { relu3: relu() },
    }),
}

/** The input itself where the shape stays. */
function shortcutOf({ channelsIn, stride, shortcut, shortcutName }: BlockShape, channels: number): Layers {
  if (stride === 1 && channelsIn === channels) return []
  const layer =
    shortcut === 'A'
      ? subsample({ channels, stride })
      : sequential([conv2d({ channels, size: 1, stride }), batchNorm()])
  return { [shortcutName]: layer }
}
