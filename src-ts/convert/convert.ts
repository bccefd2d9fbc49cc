/** Networks that were trained on pixels, from their files. */
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import type { ModelDefinition } from '../model/definition.js'
import { withoutHead } from '../model/head.js'
import { createModel, type Model } from '../model/model.js'
import { modeShape } from '../model/mode.js'
import { namedNetwork, networkNames } from '../models/named.js'
import { networkShape, type NetworkOptions } from '../models/network.js'
import { checked, checkedPath, withoutUndefined } from '../options.js'
import type { LoadReport } from '../weights/load.js'
import { readSafetensors, type Tensor } from '../weights/safetensors.js'
import { PREPROCESSINGS, readKerasModel, type Preprocessing } from './keras/model.js'
import { partsOf, type Parts } from './parts.js'
import { recognise, type RecognisedNetwork } from './recognise.js'

/** Options of {@link convertModel}. */
export interface ConvertOptions extends Omit<NetworkOptions, 'channels' | 'classes'> {
  /** The network whose weights they are, as {@link namedNetwork} knows it; recognised from the tensors by default. */
  network?: string | undefined
  /** Names of the classes, in the order of the logits. */
  labels?: readonly string[] | undefined
  /** How images are prepared for a Keras model, whose files do not say; needed for one, and for no other. */
  preprocessing?: Preprocessing | undefined
}

/** A model, and what became of the weights. */
export interface Conversion {
  model: Model
  /** The network, by its name or, of a Keras model, its file's. */
  network: string
  report: LoadReport
  /** Layers that do nothing at inference, and were left out. */
  leftOut: readonly string[]
}

const optionsSchema = z.strictObject({
  ...networkShape,
  ...modeShape,
  channels: z.undefined().optional(),
  classes: z.undefined().optional(),
  network: z.enum(networkNames as [string, ...string[]]).optional(),
  labels: z.array(z.string()).readonly().optional(),
  preprocessing: z.enum(PREPROCESSINGS).optional(),
}) satisfies z.ZodType<ConvertOptions>

/**
 * A model with the weights of a network that was trained on pixels: a safetensors file with PyTorch's names, or a Keras model as
 * TensorFlow.js stores it (`model.json` beside its files of weights).
 *
 * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `LABELS_MISMATCH`; `INVALID_WEIGHTS` with what did not fit:
 *   a network that none here is; tensors missing, unknown or of other shapes, with the {@link LoadReport} as its cause; a pickle; values
 *   that are not finite
 */
export async function convertModel(path: string, options: ConvertOptions = {}): Promise<Conversion> {
  checkedPath(path, 'convertModel.path')
  const given = checked(optionsSchema, options, 'convertModel')
  const { network, labels, preprocessing, ...shape } = given
  if (path.endsWith('.json')) {
    if (network !== undefined) {
      throw mismatch(
        'INVALID_OPTION',
        'convertModel.network',
        'nothing, because a Keras model says its layers',
        network,
      )
    }
    if (preprocessing === undefined) {
      const choices = "'caffe' (Keras's ResNets), 'tf' (its ResNets v2), 'torch' or 'none', which no file of it says"
      throw mismatch('INVALID_OPTION', 'convertModel.preprocessing', choices, 'nothing')
    }
    for (const key of ['mean', 'std'] as const) {
      if (shape[key])
        throw mismatch('INVALID_OPTION', `convertModel.${key}`, 'nothing beside preprocessing', String(shape[key]))
    }
    const { definition, tensors, leftOut } = await readKerasModel(path, { ...shape, preprocessing })
    const model = createModel(definition, { labels })
    return { model, network: definition.name, report: await loaded(model, tensors, path, definition.name), leftOut }
  }
  if (preprocessing !== undefined) {
    throw mismatch(
      'INVALID_OPTION',
      'convertModel.preprocessing',
      'nothing beside weights of PyTorch (mean, std)',
      preprocessing,
    )
  }
  return convertPytorch(path, { network, labels, ...shape }, { heads: 'kept' })
}

/**
 * Weights with PyTorch's names as a model. A head of one linear layer is found whatever its name; of none, the model ends in pooling.
 *
 * @param heads what happens to a head of several layers: `kept` refuses it, `dropped` leaves it out
 * @param ofNetwork options that a network has unless others are given, by its name
 * @throws ModelError as {@link convertModel}
 */
export async function convertPytorch(
  path: string,
  { network, labels, ...shape }: Omit<ConvertOptions, 'preprocessing'>,
  { heads, ofNetwork }: { heads: 'kept' | 'dropped'; ofNetwork?: (network: string) => NetworkOptions },
): Promise<Conversion> {
  const { tensors, metadata } = await readSafetensors(path)
  if (metadata['jpegnet.version'] !== undefined) {
    const found = 'a model that jpegnet saved, which needs no conversion'
    throw mismatch('INVALID_WEIGHTS', path, 'weights of a network that was trained on pixels', found)
  }
  const parts = partsOf(tensors)
  const { body, head, others } = parts
  const known = network === undefined ? recognise(body, path) : { network, shortcut: shortcutOf(body) }
  if (head.type === 'layers' && heads === 'kept') {
    const expected = 'a head of one linear layer, or none'
    const found = `several layers, ${head.paths.join(', ')}; jpegnet train --from puts a new head on such a body`
    throw mismatch('INVALID_WEIGHTS', path, expected, found)
  }
  const model = createModel(
    definitionOf(known, parts, { labels, ...ofNetwork?.(known.network), ...withoutUndefined(shape) }),
    { labels },
  )
  const own = [...body, ...headTensors(model, head), ...others]
  const report = await loaded(model, own, path, known.network)
  const leftOut = head.type === 'layers' ? head.paths : []
  return { model, network: known.network, report: { ...report, prefix: parts.prefix }, leftOut }
}

/** The network with as many outputs as its head has, or without its last layer if there is no head that can be loaded. */
function definitionOf(
  { network, shortcut }: RecognisedNetwork,
  { body, head }: Parts,
  { labels, ...shape }: Omit<ConvertOptions, 'preprocessing' | 'network'>,
): ModelDefinition {
  const classes = head.type === 'linear' ? head.weight.shape[0] : undefined
  const definition = namedNetwork(network, {
    ...shape,
    channels: channelsOf(body),
    classes: classes ?? labels?.length,
    shortcut,
  })
  return head.type === 'linear' ? definition : withoutHead(definition)
}

/** A linear head's tensors as the model calls them; one without a bias adds zeros. */
function headTensors({ nodes }: Model, head: Parts['head']): Tensor[] {
  const path = nodes.at(-1)?.path
  if (head.type !== 'linear' || path === undefined) return []
  const { weight, bias } = head
  const [outputs = 0] = weight.shape
  const zeros = { shape: [outputs], values: new Float32Array(outputs) }
  return [
    { ...weight, name: `${path}.weight` },
    { ...(bias ?? zeros), name: `${path}.bias` },
  ]
}

/**
 * Loads weights that must all fit.
 *
 * @throws ModelError `INVALID_WEIGHTS` naming what does not
 */
async function loaded(model: Model, tensors: readonly Tensor[], path: string, network: string): Promise<LoadReport> {
  try {
    const report = await model.load(tensors)
    const wrong = misfits(report)
    if (wrong.length > 0) {
      const expected = `the tensors of ${network}`
      const found = wrong.slice(0, 5).join('; ') + (wrong.length > 5 ? `; ${wrong.length - 5} more` : '')
      const message = `${path}: expected ${expected}, found ${found}`
      throw new ModelError('INVALID_WEIGHTS', message, { path, expected, found, cause: report })
    }
    return report
  } catch (error) {
    model.dispose()
    if (!(error instanceof ModelError) || error.path === path) throw error
    const { code, message, expected, found } = error
    throw new ModelError(code, `${path}: ${message}`, { path, expected, found, cause: error })
  }
}

/** What does not fit, tensor by tensor. One that is not used is among it: what it does would be missing from the answers. */
export function misfits({ mismatched, missing, unused, suggestions }: LoadReport): string[] {
  const perhaps = (name: string) => suggestions.find(({ missing }) => missing === name)?.unused
  const isMeant = (name: string) => suggestions.some(({ unused }) => unused === name)
  return [
    ...mismatched.map(({ name, expected, found }) => `${name} of shape ${found} instead of ${expected}`),
    ...missing.map(name => `no ${name}${perhaps(name) ? ` (perhaps ${perhaps(name)})` : ''}`),
    ...unused.filter(name => !isMeant(name)).map(name => `an unknown ${name}`),
  ]
}

/** 1 or 3, as many as the first filter has inputs; another number does not fit and is told when it is loaded. */
function channelsOf(body: readonly Tensor[]): number {
  const first = body.find(({ name }) => /^(block1\.)?conv1\.weight$/.test(name))
  return first?.shape[1] === 1 ? 1 : 3
}

function shortcutOf(body: readonly Tensor[]): 'A' | 'B' {
  const projects = body.some(({ name }) => /^layer[23]\.0\.shortcut\./.test(name))
  return projects ? 'B' : 'A'
}
