/** The three modes in which a model computes its feature maps. */
import * as z from 'zod'
import { mismatch } from '../errors.js'
import type { Layer, NamedLayer } from '../layers/layer.js'
import { frequenciesSchema, type CompleteMasking } from '../layers/masking.js'
import type { ModelDefinition } from './definition.js'

/**
 * `exact` (default): the same function as the network on pixels. `approximated`: ReLU and other activations are approximated from low DCT
 * frequencies, as in the paper. `band-limited`: every feature map keeps only its low DCT frequencies; activations are exact on what is
 * left.
 */
export type ModeName = 'exact' | 'approximated' | 'band-limited'

/** Options that select a mode. */
export interface ModeOptions {
  /** By default the model's own; if that is exact and `frequencies` or `masking` is given, `approximated`. */
  mode?: ModeName | undefined
  /**
   * How many DCT frequencies (diagonals α + β of a block) are kept, 1…15 (the paper's φ): by activations if approximated, by every feature
   * map if band-limited.
   */
  frequencies?: number | undefined
  /** In the approximated mode: the paper's ASM or its baseline APX, see {@link Masking}; `asm` by default. */
  masking?: 'asm' | 'apx' | undefined
}

/** A mode, with defaults filled in. */
export type Mode =
  | { readonly mode: 'exact' }
  | { readonly mode: 'approximated'; readonly masking: 'asm' | 'apx'; readonly frequencies: number }
  | { readonly mode: 'band-limited'; readonly frequencies: number }

export const modeShape = {
  mode: z.enum(['exact', 'approximated', 'band-limited']).optional(),
  frequencies: frequenciesSchema.optional(),
  masking: z.enum(['asm', 'apx']).optional(),
}

/**
 * The mode asked for, what is not said taken from the model's own; nothing if nothing is asked for.
 *
 * @throws ModelError `INVALID_OPTION` for options that contradict each other or say too little
 */
export function completeMode(
  { mode, frequencies, masking }: ModeOptions,
  definition: ModelDefinition,
  where: string,
): Mode | undefined {
  if (mode === undefined && frequencies === undefined && masking === undefined) return undefined
  const own = ownMode(definition)
  const name = mode ?? (masking !== undefined || own?.mode === 'exact' ? 'approximated' : own?.mode)
  if (name === undefined) {
    const expected = 'a name, because the layers of the model mask each in a way of its own'
    throw mismatch('INVALID_OPTION', `${where}.mode`, expected, 'nothing')
  }
  if (name !== 'approximated' && masking !== undefined) {
    throw mismatch('INVALID_OPTION', `${where}.masking`, `none, because the mode is ${name}`, masking)
  }
  if (name === 'exact') {
    if (frequencies === undefined) return { mode: name }
    const expected = 'none, because the exact mode keeps all'
    throw mismatch('INVALID_OPTION', `${where}.frequencies`, expected, String(frequencies))
  }
  const alike = own?.mode === name ? own : undefined
  const kept = frequencies ?? alike?.frequencies
  if (kept === undefined) {
    const expected = `a whole number from 1 to 15, because the mode is ${name}`
    throw mismatch('INVALID_OPTION', `${where}.frequencies`, expected, 'nothing')
  }
  if (name === 'band-limited') return { mode: name, frequencies: kept }
  const ownMasking = alike?.mode === 'approximated' ? alike.masking : undefined
  return { mode: name, masking: masking ?? ownMasking ?? 'asm', frequencies: kept }
}

/** The mode that a definition is in; none if its activations mask in more than one way. */
export function ownMode({ band, layers }: ModelDefinition): Mode | undefined {
  if (band !== undefined) return { mode: 'band-limited', frequencies: band }
  const [first, ...others] = maskingsOf(layers)
  if (first === undefined) return { mode: 'exact' }
  const { masking, frequencies } = first
  if (masking === 'exact') return others.every(other => other.masking === 'exact') ? { mode: 'exact' } : undefined
  const agrees = others.every(other => other.masking === masking && other.frequencies === frequencies)
  return agrees ? { mode: 'approximated', masking, frequencies } : undefined
}

function maskingsOf(layer: Layer): CompleteMasking[] {
  switch (layer.type) {
    case 'sequential':
      return layer.layers.flatMap(({ layer }) => maskingsOf(layer))
    case 'add':
      return [...layer.branches.flat(), ...layer.then].flatMap(({ layer }) => maskingsOf(layer))
    case 'relu':
    case 'leakyRelu':
    case 'clip':
      return [layer]
    default:
      return []
  }
}

/** The same model in another mode: the masking of every activation and the band replaced. */
export function withMode(definition: ModelDefinition, mode: Mode | undefined): ModelDefinition {
  if (mode === undefined) return definition
  const { band: _, ...rest } = definition
  const layers = withMasking(
    definition.layers,
    mode.mode === 'approximated'
      ? { masking: mode.masking, frequencies: mode.frequencies }
      : { masking: 'exact', frequencies: 15 },
  )
  return { ...rest, layers, ...(mode.mode === 'band-limited' && { band: mode.frequencies }) }
}

function withMasking(layer: Layer, masking: CompleteMasking): Layer {
  const all = (layers: readonly NamedLayer[]) =>
    layers.map(({ name, layer }) => ({ name, layer: withMasking(layer, masking) }))
  switch (layer.type) {
    case 'sequential':
      return { ...layer, layers: all(layer.layers) }
    case 'add':
      return { ...layer, branches: layer.branches.map(all), then: all(layer.then) }
    case 'relu':
    case 'leakyRelu':
    case 'clip':
      return { ...layer, ...masking }
    default:
      return layer
  }
}

/** A mode as people read it: `band-limited to 6 frequencies`. */
export function modeSentence(mode: Mode | undefined): string {
  switch (mode?.mode) {
    case undefined:
      return 'masked layer by layer'
    case 'exact':
      return 'exact'
    case 'approximated':
      return `approximated by ${mode.masking.toUpperCase()} from ${frequencies(mode.frequencies)}`
    case 'band-limited':
      return `band-limited to ${frequencies(mode.frequencies)}`
  }
}

function frequencies(count: number): string {
  return count === 1 ? '1 frequency' : `${count} frequencies`
}
