import type { Tensor } from './safetensors.js'

/** A tensor given in another shape than the network's. */
export interface ShapeMismatch {
  name: string
  /** The network's shape. */
  expected: string
  /** The shape given. */
  found: string
}

/** Two names that may mean the same tensor. */
export interface Suggestion {
  /** A tensor of the network that was not given. */
  missing: string
  /** The given one of its shape whose name is most like it. */
  unused: string
}

/** What a load did with every tensor given and every tensor needed. */
export interface LoadReport {
  /** What was taken off the front of the names (`module.`, `backbone.`), or nothing. */
  prefix: string
  /** Tensors of the network that were replaced. */
  applied: string[]
  /** Tensors of the network that were not given. */
  missing: string[]
  /** Tensors given that the network has not. */
  unused: string[]
  /** Tensors given in another shape, which were not used. */
  mismatched: ShapeMismatch[]
  /** What missing tensors may be called in the file. Nothing was done about them. */
  suggestions: Suggestion[]
}

/**
 * Tensors without what stands before the names of a network's layers (`module.`, `model.backbone.`, …): the prefix below which most
 * of the layers are found. Tensors elsewhere keep their names, as a head beside the body does.
 *
 * @param layers paths of layers that have a weight
 */
export function withoutPrefix(
  tensors: readonly Tensor[],
  layers: readonly string[],
): { prefix: string; tensors: Tensor[] } {
  const prefix = prefixOf(new Set(tensors.map(({ name }) => name)), layers)
  const named = tensors.map(tensor =>
    tensor.name.startsWith(prefix) ? { ...tensor, name: tensor.name.slice(prefix.length) } : tensor,
  )
  return { prefix, tensors: named }
}

function prefixOf(names: ReadonlySet<string>, layers: readonly string[]): string {
  const weights = layers.map(path => `${path}.weight`)
  const found = (prefix: string) => weights.filter(name => names.has(prefix + name)).length
  const ends = [...names].flatMap(name =>
    weights.filter(weight => name.endsWith(`.${weight}`)).map(weight => name.slice(0, name.length - weight.length)),
  )
  const prefixes = ['', ...new Set(ends)].map(prefix => ({ prefix, layers: found(prefix) }))
  // The shortest of several that hold as many.
  prefixes.sort((a, b) => b.layers - a.layers || a.prefix.length - b.prefix.length)
  return (prefixes[0] as { prefix: string }).prefix
}

/** Tensors whose lack changes what a network answers: older PyTorch files count no batches. */
export function missingWeights(missing: readonly string[]): string[] {
  return missing.filter(name => !name.endsWith('.num_batches_tracked'))
}

/** For each missing tensor the unused one of its shape and kind whose path is most like its own, if there is one such. */
export function suggestions(missing: readonly Tensor[], unused: readonly Tensor[]): Suggestion[] {
  return missing.flatMap(tensor => {
    const candidates = unused.filter(
      other => kind(other) === kind(tensor) && other.shape.join() === tensor.shape.join(),
    )
    const likeness = candidates.map(other => commonParts(other.name, tensor.name))
    const best = Math.max(...likeness)
    const closest = candidates.filter((_, index) => likeness[index] === best)
    const [only] = closest
    return closest.length === 1 && only ? [{ missing: tensor.name, unused: only.name }] : []
  })
}

/** `weight`, `bias`, `running_mean`, … */
function kind({ name }: Tensor): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

/** How many parts of two paths agree, counted from both ends. */
function commonParts(a: string, b: string): number {
  const [one, other] = [a.split('.'), b.split('.')]
  const agree = (x: readonly string[], y: readonly string[]) => {
    const end = x.findIndex((part, index) => part !== y[index])
    return end < 0 ? x.length : end
  }
  return agree(one, other) + agree(one.toReversed(), other.toReversed())
}
