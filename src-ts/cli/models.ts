/** Networks that `--model` names. */
import { mismatch } from '../errors.js'
import { paperResnet, resnet, type ModelDefinition, type NetworkOptions } from '../index.js'

const CIFAR_DEPTHS = [20, 32, 44, 56, 110] as const

/** Every name, with what it makes. */
const NETWORKS: Record<string, (options: NetworkOptions) => ModelDefinition> = {
  paper: paperResnet,
  ...Object.fromEntries(
    CIFAR_DEPTHS.map(depth => {
      const name = `resnet${depth}`
      const blocks = (depth - 2) / 6
      const stages = [16, 32, 64].map(channels => ({ blocks, channels }))
      return [name, (options: NetworkOptions) => resnet({ ...options, name, stages })]
    }),
  ),
}

export const modelNames = Object.keys(NETWORKS)

/** The network of that name. */
export function namedModel(name: string, options: NetworkOptions): ModelDefinition {
  const make = NETWORKS[name]
  if (!make) throw mismatch('INVALID_OPTION', '--model', `one of ${modelNames.join(', ')}`, name)
  return make(options)
}
