/** From a tree of layers to the flat list of nodes that the engine runs. */
import { mismatch } from '../errors.js'
import type { Layer, NamedLayer } from '../layers/layer.js'
import type { CompleteMasking } from '../layers/masking.js'
import type { InputDefinition, ModelDefinition } from './definition.js'

/** One operation: its path names its parameters, its inputs are numbers of values (0 the input, i + 1 node i's). */
export interface GraphNode {
  path: string
  inputs: number[]
  operation: Operation
}

/** What a node computes. */
export type Operation =
  | {
      type: 'conv2d'
      channels: number
      inputChannels?: number | undefined
      size: number
      stride: number
      padding: number
      bias: boolean
      factorisation: string
    }
  | { type: 'batchNorm'; epsilon: number; momentum: number; channels?: number | undefined }
  | {
      type: 'piecewiseLinear'
      slope: number
      intercept: number
      breakpoints: Breakpoint[]
      masking: string
      frequencies: number
    }
  | { type: 'add' }
  | { type: 'maxPool'; size: number; stride: number; padding: number; ceil?: boolean | undefined }
  | { type: 'averagePool'; size: number; stride: number; padding: number; countsPadding: boolean }
  | { type: 'subsample'; channels: number; stride: number }
  | { type: 'globalAveragePool' }
  | { type: 'linear'; features: number; inputFeatures?: number | undefined; bias: boolean }

/** For x above `at`, slope and intercept grow by these. */
export interface Breakpoint {
  at: number
  slopeChange: number
  interceptChange: number
}

/** A model as the engine takes it. */
export interface Graph {
  input: Omit<InputDefinition, 'transform' | 'colour'>
  nodes: GraphNode[]
  /** φ that every feature map is truncated to; all frequencies are kept by default. */
  band?: number | undefined
}

/**
 * The flat nodes of a definition, in an order in which every node comes after those it reads.
 *
 * @throws ModelError `INVALID_DEFINITION` if two layers share a path, or one's tensors would be taken for the optimizer's
 */
export function lowerModel({ input, layers, band }: ModelDefinition): Graph {
  const nodes: GraphNode[] = []
  const paths = new Set<string>()

  function node(path: string, inputs: number[], operation: Operation): number {
    if (paths.has(path)) throw mismatch('INVALID_DEFINITION', path, 'a path of its own', 'two layers of that path')
    if (/^optimizer(\.|$)/.test(path)) {
      throw mismatch('INVALID_DEFINITION', path, 'a name that checkpoints do not use themselves', 'optimizer')
    }
    paths.add(path)
    nodes.push({ path, inputs, operation })
    return nodes.length
  }

  function chain(layers: readonly NamedLayer[], path: string, from: number): number {
    return layers.reduce((value, { name, layer }) => lower(layer, path === '' ? name : `${path}.${name}`, value), from)
  }

  function lower(layer: Layer, path: string, from: number): number {
    switch (layer.type) {
      case 'sequential':
        return chain(layer.layers, path, from)
      case 'add': {
        const branches = layer.branches.map(branch => chain(branch, path, from))
        return chain(layer.then, path, node(path === '' ? 'add' : `${path}.add`, branches, { type: 'add' }))
      }
      default:
        return node(path === '' ? layer.type : path, [from], operation(layer))
    }
  }

  lower(layers, '', 0)
  const { transform: _, colour: __, ...engines } = input
  return { input: engines, nodes, ...(band !== undefined && { band }) }
}

function operation(layer: Exclude<Layer, { type: 'sequential' | 'add' }>): Operation {
  switch (layer.type) {
    case 'relu':
      return piecewise(layer, 0, 0, [{ at: 0, slopeChange: 1, interceptChange: 0 }])
    case 'leakyRelu':
      return piecewise(layer, layer.slope, 0, [{ at: 0, slopeChange: 1 - layer.slope, interceptChange: 0 }])
    case 'clip':
      return piecewise(layer, 0, layer.low, [
        { at: layer.low, slopeChange: 1, interceptChange: -layer.low },
        { at: layer.high, slopeChange: -1, interceptChange: layer.high },
      ])
    case 'maxPool': {
      const { ceilMode, ...window } = layer
      return { ...window, ...(ceilMode && { ceil: true }) }
    }
    case 'averagePool': {
      const { countPadding: countsPadding, ...window } = layer
      return { ...window, countsPadding }
    }
    default:
      return layer
  }
}

function piecewise(layer: CompleteMasking, slope: number, intercept: number, breakpoints: Breakpoint[]): Operation {
  const { masking, frequencies } = layer
  return { type: 'piecewiseLinear', slope, intercept, breakpoints, masking, frequencies }
}
