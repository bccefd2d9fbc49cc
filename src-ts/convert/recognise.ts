/** Which network weights belong to, from the names and shapes of its tensors. */
import { mismatch } from '../errors.js'
import type { Shortcut } from '../models/blocks.js'
import { networkNames } from '../models/named.js'
import type { Tensor } from '../weights/safetensors.js'

/** A network as its weights show it. */
export interface RecognisedNetwork {
  /** A name that {@link namedNetwork} knows. */
  network: string
  /** Of CIFAR's networks. */
  shortcut: Shortcut | undefined
}

/** Blocks of every stage, by the networks of ImageNet. */
const IMAGENET: Record<string, string> = {
  'basic 2, 2, 2, 2': 'resnet18',
  'basic 3, 4, 6, 3': 'resnet34',
  'bottleneck 3, 4, 6, 3': 'resnet50',
  'bottleneck 3, 4, 23, 3': 'resnet101',
  'bottleneck 3, 8, 36, 3': 'resnet152',
}

/**
 * Which network the tensors of a body are of. Their shapes are compared when they are loaded.
 *
 * @param tensors with the names that the networks here give them
 * @param where what an error calls them
 * @throws ModelError `INVALID_WEIGHTS` saying what stages were found, if no network with a name has them
 */
export function recognise(tensors: readonly Tensor[], where: string): RecognisedNetwork {
  const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]))
  if (shapes.has('block1.conv1.weight')) return { network: 'paper', shortcut: undefined }
  const stages = stagesOf([...shapes.keys()])
  const isBottleneck = shapes.has('layer1.0.conv3.weight')
  const kind = isBottleneck ? 'bottleneck' : 'basic'
  const imagenet = IMAGENET[`${kind} ${stages.join(', ')}`]
  if (imagenet !== undefined) return { network: imagenet, shortcut: undefined }
  const [blocks = 0] = stages
  const cifar = `cifar-resnet${6 * blocks + 2}`
  if (!isBottleneck && stages.length === 3 && stages.every(own => own === blocks) && networkNames.includes(cifar)) {
    const projects = [...shapes.keys()].some(name => /^layer[23]\.0\.(shortcut|downsample)\./.test(name))
    return { network: cifar, shortcut: projects ? 'B' : 'A' }
  }
  const found = stages.length === 0 ? 'no stages called layer1…' : `stages of ${stages.join(', ')} ${kind} blocks`
  throw mismatch('INVALID_WEIGHTS', where, `the tensors of one of ${networkNames.join(', ')}`, found)
}

/** How many blocks `layer1`, `layer2`, … have. */
function stagesOf(names: readonly string[]): number[] {
  const stages: number[] = []
  for (const name of names) {
    const [, stage, block] = /^layer(\d+)\.(\d+)\.conv1\.weight$/.exec(name) ?? []
    if (stage === undefined) continue
    const at = Number(stage) - 1
    stages[at] = Math.max(stages[at] ?? 0, Number(block) + 1)
  }
  return Array.from(stages, blocks => blocks ?? 0)
}
