/** A residual network that Keras trained, as a definition of this package and its weights. */
import { mismatch } from '../../errors.js'
import type { Layer, NamedLayer } from '../../layers/layer.js'
import { defineModel } from '../../model/define.js'
import type { ModelDefinition } from '../../model/definition.js'
import type { ModeOptions } from '../../model/mode.js'
import { shown } from '../../options.js'
import type { Transform } from '../../transforms/transform.js'
import type { Tensor } from '../../weights/safetensors.js'
import { converted, inOrder, type Converted, type Value } from './layers.js'
import { readShards, type KerasTensor } from './shards.js'
import { readTopology, type KerasLayer, type Topology } from './topology.js'
import { layerName, treeOf, type GraphLayer } from './tree.js'

/**
 * How images are prepared for a Keras network, which its files do not say: `caffe`, BGR in 0…255 less ImageNet's mean (Keras's
 * ResNets); `tf`, −1…1 (its ResNets v2); `torch`, 0…1 normalised by ImageNet's mean and deviation; `none`, RGB in 0…255.
 */
export type Preprocessing = 'caffe' | 'tf' | 'torch' | 'none'

/** Mean and deviation in 0…1, and whether blue comes first. */
const PREPARATIONS: Record<Preprocessing, { mean: number[]; std: number[]; bgr: boolean }> = {
  caffe: { mean: [123.68 / 255, 116.779 / 255, 103.939 / 255], std: Array<number>(3).fill(1 / 255), bgr: true },
  tf: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], bgr: false },
  torch: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], bgr: false },
  none: { mean: [0, 0, 0], std: Array<number>(3).fill(1 / 255), bgr: false },
}

export const PREPROCESSINGS = Object.keys(PREPARATIONS) as [Preprocessing, ...Preprocessing[]]

/** How a Keras model is read. */
export interface KerasOptions extends ModeOptions {
  preprocessing: Preprocessing
  /** Pixels of the images; what the model says by default, 224 if it takes any size. */
  height?: number | undefined
  width?: number | undefined
  transform?: readonly Transform[] | undefined
  colour?: 'linear' | 'exact' | undefined
}

/** A definition, and tensors that fill it. */
export interface ConvertedModel {
  definition: ModelDefinition
  tensors: Tensor[]
  /** Layers that do nothing at inference, and were left out. */
  leftOut: string[]
}

/**
 * Reads `model.json` and the files of weights that it names.
 *
 * Parameters are called by the layers' own names, below that of the sum whose branch they are in: `conv1.weight`,
 * `add_3.res3a_branch2a.weight`. Biases and ε are the model's. Explicit zero padding becomes that of the layer after it;
 * where TensorFlow pads one side more, filters are made larger by zeros.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `INVALID_WEIGHTS` naming the layer that no network here has
 */
export async function readKerasModel(path: string, options: KerasOptions): Promise<ConvertedModel> {
  const topology = await readTopology(path)
  const stored = await readShards(path, topology.groups)
  const used = new Set<string>()
  const graph = graphOf(path, topology, options, (layer, name) => tensorOf(stored, used, layer, name, path))
  const unused = [...stored.keys()].filter(name => !used.has(name))
  if (unused.length > 0) {
    throw mismatch(
      'INVALID_WEIGHTS',
      path,
      'weights of its layers alone',
      `others, such as ${unused.slice(0, 3).join(', ')}`,
    )
  }
  const { mean, std } = PREPARATIONS[options.preprocessing]
  const layers = treeOf(graph.nodes, graph.output, path)
  const { height, width, channels } = graph.input
  const { transform, colour, mode, frequencies, masking } = options
  const definition = defineModel({
    name: path.replace(/^.*[/\\]/, '').replace(/\.json$/, ''),
    input: {
      channels,
      height,
      width,
      mean: mean.slice(0, channels),
      std: std.slice(0, channels),
      transform,
      colour,
    },
    layers: { type: 'sequential', layers },
    mode,
    frequencies,
    masking,
  })
  return { definition, tensors: namedTensors(layers, '', graph.tensors), leftOut: graph.leftOut }
}

interface KerasGraph {
  input: { channels: number; height: number; width: number }
  nodes: GraphLayer[]
  /** Of every layer with weights, by its name here. */
  tensors: Map<string, Readonly<Record<string, KerasTensor>>>
  /** The node whose value is the model's answer. */
  output: string
  leftOut: string[]
}

function graphOf(
  path: string,
  { layers, output }: Topology,
  options: KerasOptions,
  tensor: (layer: KerasLayer, name: string) => KerasTensor,
): KerasGraph {
  const values = new Map<string, Value>()
  const nodes: GraphLayer[] = []
  const tensors: KerasGraph['tensors'] = new Map()
  const leftOut: string[] = []
  const [first, ...others] = withInput(layers, path)
  const input = inputOf(first as KerasLayer, options, path)
  const reversed = PREPARATIONS[options.preprocessing].bgr && input.channels === 3
  values.set((first as KerasLayer).name, { ...input, notNegative: false, pooled: false, reversed })
  nodes.push({ name: (first as KerasLayer).name, inputs: [] })
  /** Adds what a layer became; what follows the first of several, an activation, is a node of its own. */
  const add = (own: string, name: string, inputs: readonly string[], { layers, tensors: its, value }: Converted) => {
    values.set(own, value)
    if (Object.keys(its).length > 0) tensors.set(name, its)
    layers.forEach((layer, index) => {
      const last = index === layers.length - 1
      const named: NamedLayer = { name: index === 0 ? name : `${name}_${layer.type}`, layer }
      const before = index === 0 ? inputs : [`${own}/${index - 1}`]
      nodes.push({ name: last ? own : `${own}/${index}`, inputs: before, layer: named })
    })
    if (layers.length === 0) nodes.push({ name: own, inputs })
  }
  /** A value with its channels in Keras's order, made for one reader, because branches of a sum share no layers. */
  const ordered = (name: string, reader: string) => {
    const value = values.get(name) as Value
    if (!value.reversed || value.padding) return name
    const own = `${name} for ${reader}`
    add(own, layerName(own), [name], inOrder(value))
    return own
  }
  for (const layer of others) {
    const where = `${path}: ${layer.name}`
    const inputs = layer.inputs.map(name => values.get(name) as Value)
    const [one] = inputs
    if (!one) throw mismatch('INVALID_WEIGHTS', where, 'a layer that reads another', 'a second input')
    if (layer.className === 'Add') {
      const names = inputs.every(({ reversed }) => reversed)
        ? layer.inputs
        : layer.inputs.map(input => ordered(input, layer.name))
      const terms = names.map(name => values.get(name) as Value)
      values.set(layer.name, sumOf(terms, where))
      nodes.push({ name: layer.name, inputs: names })
      continue
    }
    if (inputs.length !== 1)
      throw mismatch('INVALID_WEIGHTS', where, 'one input', `${inputs.length} of ${layer.className}`)
    const made = converted({ layer, input: one, tensor: name => tensor(layer, name), where })
    if (made.layers.length === 0 && layer.className !== 'ZeroPadding2D') leftOut.push(layer.name)
    add(layer.name, layerName(layer.name), layer.inputs, made)
  }
  return { input, nodes, tensors, output: ordered(output, 'output'), leftOut }
}

/** The layers with an input before them: a sequential model's first layer says its own input's shape. */
function withInput(layers: readonly KerasLayer[], path: string): readonly KerasLayer[] {
  const [first, ...others] = layers
  if (!first) throw mismatch('INVALID_WEIGHTS', path, 'layers', 'none')
  if (first.className === 'InputLayer') return layers
  const input: KerasLayer = { name: 'input', className: 'InputLayer', config: first.config, inputs: [] }
  return [input, { ...first, inputs: [input.name] }, ...others]
}

function inputOf({ config }: KerasLayer, options: KerasOptions, path: string): KerasGraph['input'] {
  const shape = config['batch_input_shape'] ?? config['batch_shape']
  const [, height, width, channels, ...more] = Array.isArray(shape) ? (shape as unknown[]) : []
  const isSide = (side: unknown): side is number | null =>
    side === null || (Number.isInteger(side) && (side as number) > 0)
  if (!isSide(height) || !isSide(width) || (channels !== 1 && channels !== 3) || more.length > 0) {
    throw mismatch(
      'INVALID_WEIGHTS',
      `${path}: input`,
      'the shape [images, height, width, 1 or 3 channels]',
      shown(shape),
    )
  }
  return { channels, height: options.height ?? height ?? 224, width: options.width ?? width ?? 224 }
}

function sumOf(inputs: readonly Value[], where: string): Value {
  const [one, ...others] = inputs as [Value, ...Value[]]
  const text = ({ channels, height, width }: Value) => `${channels}×${height}×${width}`
  const unlike = others.find(other => text(other) !== text(one) || other.padding || one.padding)
  if (unlike) throw mismatch('INVALID_WEIGHTS', where, `terms of one shape, ${text(one)}`, text(unlike))
  return { ...one, notNegative: inputs.every(({ notNegative }) => notNegative) }
}

/** A layer's tensor: `layer/kernel`, whatever comes before it. */
function tensorOf(
  stored: Map<string, KerasTensor>,
  used: Set<string>,
  { name: layer }: KerasLayer,
  name: string,
  path: string,
): KerasTensor {
  const own = `${layer}/${name}`
  const full = stored.has(own) ? own : [...stored.keys()].find(key => key.endsWith(`/${own}`) || key === `${own}:0`)
  const found = full === undefined ? undefined : stored.get(full)
  if (full === undefined || !found) throw mismatch('INVALID_WEIGHTS', `${path}: ${own}`, 'a tensor', 'none')
  used.add(full)
  return found
}

/** Every tensor by the path that its layer has in the tree. */
function namedTensors(layers: readonly NamedLayer[], path: string, tensors: KerasGraph['tensors']): Tensor[] {
  return layers.flatMap(({ name, layer }) => {
    const own = path === '' ? name : `${path}.${name}`
    const children: Record<string, (layer: Layer) => readonly NamedLayer[]> = {
      add: layer => (layer.type === 'add' ? [...layer.branches.flat(), ...layer.then] : []),
      sequential: layer => (layer.type === 'sequential' ? layer.layers : []),
    }
    const inner = children[layer.type]?.(layer)
    if (inner) return namedTensors(inner, own, tensors)
    return Object.entries(tensors.get(name) ?? {}).map(([kind, { shape, values }]) => {
      return { name: `${own}.${kind}`, shape: [...shape], values }
    })
  })
}
