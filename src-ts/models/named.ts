/** Networks that have names. */
import type { ModelDefinition } from '../model/definition.js'
import { cifarResnet, type CifarDepth } from './cifar.js'
import { resnet101, resnet152, resnet18, resnet34, resnet50 } from './imagenet.js'
import type { NetworkOptions } from './network.js'
import { paperResnet } from './paper.js'
import type { Shortcut } from './blocks.js'
import { checkedObject, unknownName } from '../options.js'

/** Options of {@link namedNetwork}. */
export interface NamedNetworkOptions extends NetworkOptions {
  /** For CIFAR networks: the shortcut of blocks that change the shape; `A` by default. */
  shortcut?: Shortcut | undefined
}

type Factory = (options: NamedNetworkOptions) => ModelDefinition

const cifar =
  (depth: CifarDepth): Factory =>
  options =>
    cifarResnet(depth, options)

const imagenet =
  (factory: (options: NetworkOptions) => ModelDefinition): Factory =>
  ({ shortcut: _, ...options }) =>
    factory(options)

const NETWORKS: Record<string, Factory> = {
  paper: imagenet(paperResnet),
  'cifar-resnet20': cifar(20),
  'cifar-resnet32': cifar(32),
  'cifar-resnet44': cifar(44),
  'cifar-resnet56': cifar(56),
  'cifar-resnet110': cifar(110),
  resnet18: imagenet(resnet18),
  resnet34: imagenet(resnet34),
  resnet50: imagenet(resnet50),
  resnet101: imagenet(resnet101),
  resnet152: imagenet(resnet152),
}

/** The names of all networks of {@link namedNetwork}. */
export const networkNames: readonly string[] = Object.freeze(Object.keys(NETWORKS))

/**
 * A network by its name: `paper`, `cifar-resnet20`…`cifar-resnet110`, `resnet18`…`resnet152`.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function namedNetwork(name: string, options: NamedNetworkOptions = {}): ModelDefinition {
  const make = typeof name === 'string' && Object.hasOwn(NETWORKS, name) ? NETWORKS[name] : undefined
  if (!make) throw unknownName('network', networkNames, name)
  return make(checkedObject(options, 'namedNetwork'))
}
