/** Layers by name: which of a model's layers a pattern of the options means. */
import { mismatch, type ModelError } from '../errors.js'
import type { ModelNode } from '../model/summary.js'

/** Paths of the layers that have something to learn, in the model's order. */
export function learningLayers(nodes: readonly ModelNode[]): string[] {
  return nodes.filter(({ parameters }) => parameters > 0).map(({ path }) => path)
}

/**
 * The layers that a pattern means: a path, which means the layer and all below it, in which `*` stands for any characters.
 *
 * @param layers paths to choose from
 * @throws ModelError `INVALID_OPTION` if there is none, with the path most like it
 */
export function layersLike(pattern: string, layers: readonly string[], option: string): string[] {
  const text = pattern.split('*').map(escaped).join('.*')
  const means = new RegExp(`^${text}(\\.|$)`, 's')
  const matching = layers.filter(path => means.test(path))
  if (matching.length === 0) throw unknownLayer(pattern, layers, option)
  return matching
}

function unknownLayer(pattern: string, layers: readonly string[], option: string): ModelError {
  const near = nearest(pattern, withParents(layers))
  const expected = `the path of layers that learn${near === undefined ? '' : ` (${near}?)`}`
  return mismatch('INVALID_OPTION', option, expected, JSON.stringify(pattern))
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}

/** Paths and every path they lie below. */
function withParents(paths: readonly string[]): string[] {
  const all = paths.flatMap(path => {
    const parts = path.split('.')
    return parts.map((_, index) => parts.slice(0, index + 1).join('.'))
  })
  return [...new Set(all)]
}

/** The candidate that takes the fewest changes of a character, if they are fewer than half of them. */
function nearest(name: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates.map(candidate => ({ candidate, changes: distance(name, candidate) }))
  ranked.sort((a, b) => a.changes - b.changes)
  const [best] = ranked
  return best && 2 * best.changes <= Math.max(name.length, best.candidate.length) ? best.candidate : undefined
}

/** Characters to insert, take away or replace (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [above, character] of [...a].entries()) {
    const next = [above + 1]
    for (const [left, other] of [...b].entries()) {
      const replaced = (row[left] as number) + (character === other ? 0 : 1)
      next.push(Math.min(replaced, (row[left + 1] as number) + 1, (next[left] as number) + 1))
    }
    row = next
  }
  return row.at(-1) as number
}
