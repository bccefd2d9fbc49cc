/** The parts of a network that was trained on pixels: its body, below whatever prefix, and its head, whatever its name. */
import { withoutPrefix } from '../weights/load.js'
import type { Tensor } from '../weights/safetensors.js'

/** What lies behind a body. */
export type Head =
  | { type: 'none' }
  /** One linear layer. */
  | { type: 'linear'; path: string; weight: Tensor; bias: Tensor | undefined }
  /** Several layers, by their paths. */
  | { type: 'layers'; paths: readonly string[] }

/** A network's tensors, apart. */
export interface Parts {
  /** What stands before the body's names. */
  prefix: string
  /** With the names that the networks here give them. */
  body: readonly Tensor[]
  head: Head
  /** Neither. */
  others: readonly Tensor[]
}

/** Layers that the bodies of all networks here have one of, by which a body is found. */
const ANCHORS = ['layer1.0.conv1', 'block1.conv1', 'conv1']

/** A body's own tensors, below its prefix. */
const OF_BODY = /^(conv1|bn1|(layer|block)\d+)\./

/** Statistics and the count that a normalisation keeps: a layer that has them is none of a linear head. */
const STATISTICS = /\.(running_mean|running_var|num_batches_tracked)$/

/** Takes tensors apart. A head is what has matrices beside the body; activations and dropout between them have no tensors. */
export function partsOf(given: readonly Tensor[]): Parts {
  const { prefix, tensors } = withoutPrefix(given, ANCHORS)
  const body = tensors.filter(({ name }) => OF_BODY.test(name))
  const rest = tensors.filter(({ name }) => !OF_BODY.test(name))
  const paths = [...new Set(rest.map(pathOf))]
  const own = (path: string) => rest.filter(tensor => pathOf(tensor) === path)
  const isMatrix = ({ name, shape }: Tensor) => name.endsWith('.weight') && shape.length === 2
  const linear = paths.filter(path => own(path).some(isMatrix))
  const normalised = paths.filter(path => own(path).some(({ name }) => STATISTICS.test(name)))
  // Tensors of the head are those of its layers; whatever else there is does something that nobody here knows.
  const layers = linear.length === 0 ? [] : paths.filter(path => linear.includes(path) || normalised.includes(path))
  const others = rest.filter(tensor => !layers.includes(pathOf(tensor)))
  const [path] = layers
  if (path === undefined) return { prefix, body, head: { type: 'none' }, others }
  const isLinear = layers.length === 1 && own(path).every(tensor => isMatrix(tensor) || tensor.name === `${path}.bias`)
  if (!isLinear) return { prefix, body, head: { type: 'layers', paths: layers }, others }
  const weight = own(path).find(isMatrix) as Tensor
  return {
    prefix,
    body,
    head: { type: 'linear', path, weight, bias: own(path).find(tensor => tensor !== weight) },
    others,
  }
}

/** The path of a tensor's layer. */
function pathOf({ name }: Tensor): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('.')))
}
