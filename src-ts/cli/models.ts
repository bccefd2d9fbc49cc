/** Networks that `--model` names. */
import { mismatch } from '../errors.js'
import {
  cifarResnet,
  paperResnet,
  resnet101,
  resnet152,
  resnet18,
  resnet34,
  resnet50,
  type ModelDefinition,
  type NetworkOptions,
} from '../index.js'

/** Every name, with what it makes. */
const NETWORKS: Record<string, (options: NetworkOptions) => ModelDefinition> = {
  paper: paperResnet,
  'cifar-resnet20': options => cifarResnet(20, options),
  'cifar-resnet32': options => cifarResnet(32, options),
  'cifar-resnet44': options => cifarResnet(44, options),
  'cifar-resnet56': options => cifarResnet(56, options),
  'cifar-resnet110': options => cifarResnet(110, options),
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
}

export const modelNames = Object.keys(NETWORKS)

/** The network of that name. */
export function namedModel(name: string, options: NetworkOptions): ModelDefinition {
  const make = NETWORKS[name]
  if (!make) throw mismatch('INVALID_OPTION', '--model', `one of ${modelNames.join(', ')}`, name)
  return make(options)
}
