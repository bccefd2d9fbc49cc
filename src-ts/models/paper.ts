import { globalAveragePool } from '../layers/globalAveragePool.js'
import { linear } from '../layers/linear.js'
import { sequential } from '../layers/sequential.js'
import type { ModelDefinition } from '../model/definition.js'
import { checked } from '../options.js'
import { basic } from './blocks.js'
import { CLASSES, network, networkOptionsSchema, type NetworkOptions } from './network.js'

/**
 * The paper's network: three residual blocks of 16, 32 and 64 channels at full, half and quarter size, every shortcut a
 * projection; global average pooling and a linear layer. Parameters are named `block1.conv1.weight`, …, `fc.weight`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function paperResnet(options: NetworkOptions = {}): ModelDefinition {
  const given = checked(networkOptionsSchema, options, 'paperResnet')
  // The first block widens the picture's 1 or 3 channels, so that every shortcut is a projection.
  const block = (channels: number, channelsIn: number, stride: number) =>
    basic.make({ channels, channelsIn, stride, shortcut: 'B', shortcutName: 'downsample' })
  const layers = sequential({
    block1: block(16, given.channels ?? 3, 1),
    block2: block(32, 16, 2),
    block3: block(64, 32, 2),
    pool: globalAveragePool(),
    fc: linear({ features: given.classes ?? CLASSES }),
  })
  return network('paper', layers, given, 'paperResnet')
}
