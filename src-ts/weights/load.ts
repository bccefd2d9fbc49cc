import type { BindingLoadReport } from '../native/addon.js'
import type { Tensor } from './safetensors.js'

/** What a load did with every tensor given and every tensor needed. */
export interface LoadReport extends BindingLoadReport {
  /** What was taken off the front of every name (`module.`), or nothing. */
  prefix: string
}

/** What wrappers of PyTorch put in front of every name. */
const PREFIXES = ['module.', 'model.', '_orig_mod.']

/** Tensors without the prefix that all their names share. */
export function withoutPrefix(tensors: readonly Tensor[]): { prefix: string; tensors: Tensor[] } {
  const prefix = PREFIXES.find(
    candidate => tensors.length > 0 && tensors.every(({ name }) => name.startsWith(candidate)),
  )
  if (prefix === undefined) return { prefix: '', tensors: [...tensors] }
  const inner = withoutPrefix(tensors.map(tensor => ({ ...tensor, name: tensor.name.slice(prefix.length) })))
  return { prefix: prefix + inner.prefix, tensors: inner.tensors }
}

/** Tensors whose lack changes what a network answers: older PyTorch files count no batches. */
export function missingWeights(report: LoadReport): string[] {
  return report.missing.filter(name => !name.endsWith('.num_batches_tracked'))
}
