/** From a graph of layers, each of which may be read by several, to a tree of sequences and sums. */
import { mismatch } from '../../errors.js'
import type { NamedLayer } from '../../layers/layer.js'

/** One node of the graph. */
export interface GraphLayer {
  name: string
  inputs: readonly string[]
  /** Nothing for a sum, and for what does nothing at inference. */
  layer?: NamedLayer | undefined
}

/**
 * The layers between the input and the output. A sum's branches begin at the last node that all of them pass.
 *
 * @param nodes in an order in which each comes after those it reads; the first is the input
 * @throws ModelError `INVALID_WEIGHTS` if branches share layers: a ResNet's do not
 */
export function treeOf(nodes: readonly GraphLayer[], output: string, where: string): NamedLayer[] {
  const byName = new Map(nodes.map(node => [node.name, node]))
  const gates = lastGates(nodes)
  const used = new Set<string>()

  /** All that lies after one node, up to another and with it. */
  function between(first: string, last: string): NamedLayer[] {
    const layers: NamedLayer[] = []
    let at = last
    while (at !== first) {
      const node = byName.get(at) as GraphLayer
      if (used.has(at)) {
        throw mismatch('INVALID_WEIGHTS', `${where}: ${at}`, 'branches that share no layers', 'a layer in two of them')
      }
      used.add(at)
      if (node.layer) layers.unshift(node.layer)
      const [only] = node.inputs
      if (node.inputs.length === 1 && only !== undefined) {
        at = only
        continue
      }
      const gate = gates.get(at) as string
      const branches = node.inputs.map(input => between(gate, input))
      layers.unshift({ name: layerName(node.name), layer: { type: 'add', branches, then: [] } })
      at = gate
    }
    return layers
  }

  return between((nodes[0] as GraphLayer).name, output)
}

/** Of every node, the nearest that all ways from the input to it pass: its immediate dominator. */
function lastGates(nodes: readonly GraphLayer[]): Map<string, string> {
  const gates = new Map<string, string>()
  const depths = new Map<string, number>()
  const common = (a: string, b: string): string => {
    while (a !== b) {
      const deeper = (depths.get(a) ?? 0) >= (depths.get(b) ?? 0)
      const up = gates.get(deeper ? a : b) as string
      if (deeper) a = up
      else b = up
    }
    return a
  }
  for (const { name, inputs } of nodes) {
    if (inputs.length === 0) {
      depths.set(name, 0)
      continue
    }
    const gate = inputs.reduce(common)
    gates.set(name, gate)
    depths.set(name, (depths.get(gate) ?? 0) + 1)
  }
  return gates
}

/** A name as layers have them: letters, digits, underscores. */
export function layerName(name: string): string {
  return name.replace(/[^A-Za-z0-9_]/g, '_')
}
