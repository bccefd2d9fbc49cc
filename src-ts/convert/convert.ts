/** Networks that were trained on pixels, from their files. */
import { open } from 'node:fs/promises'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { createModel, type Model } from '../model/model.js'
import { modeShape } from '../model/mode.js'
import { namedNetwork, networkNames } from '../models/named.js'
import { networkShape, type NetworkOptions } from '../models/network.js'
import { checked, checkedPath } from '../options.js'
import { withoutPrefix, type LoadReport } from '../weights/load.js'
import { readSafetensors, type Tensor } from '../weights/safetensors.js'
import { PREPROCESSINGS, readKerasModel, type Preprocessing } from './keras/model.js'
import { recognise } from './recognise.js'

/** Options of {@link convertModel}. */
export interface ConvertOptions extends Omit<NetworkOptions, 'channels' | 'classes'> {
  /** The network whose weights they are, as {@link namedNetwork} knows it; recognised from the tensors unless given. */
  network?: string | undefined
  /** Names of the classes, in the order of the logits. */
  labels?: readonly string[] | undefined
  /** How pictures are prepared for a Keras model, whose files do not say; needed for one, and for no other. */
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
  await refusePickle(path)
  const { tensors } = await readSafetensors(path)
  const known = network === undefined ? recognise(tensors, path) : { network, shortcut: shortcutOf(tensors) }
  const sides = { channels: channelsOf(tensors), classes: classesOf(tensors) ?? labels?.length }
  const definition = namedNetwork(known.network, { ...shape, ...sides, shortcut: known.shortcut })
  const model = createModel(definition, { labels })
  return { model, network: known.network, report: await loaded(model, tensors, path, known.network), leftOut: [] }
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

/** As many as the last layer has outputs. */
function classesOf(tensors: readonly Tensor[]): number | undefined {
  return tensors.find(({ name, shape }) => /(^|\.)(fc|linear)\.weight$/.test(name) && shape.length === 2)?.shape[0]
}

/** 1 or 3, as many as the first filter has inputs; another number does not fit and is told when it is loaded. */
function channelsOf(given: readonly Tensor[]): number {
  const first = withoutPrefix(given).tensors.find(({ name }) => /^(block1\.)?conv1\.weight$/.test(name))
  return first?.shape[1] === 1 ? 1 : 3
}

function shortcutOf(given: readonly Tensor[]): 'A' | 'B' {
  const projects = withoutPrefix(given).tensors.some(({ name }) => /^layer[23]\.0\.shortcut\./.test(name))
  return projects ? 'B' : 'A'
}

/**
 * Refuses what PyTorch's `torch.save` writes, which runs code when it is read.
 *
 * @throws ModelError `INVALID_WEIGHTS` with the lines of Python that make safetensors of it
 */
async function refusePickle(path: string): Promise<void> {
  const start = Buffer.alloc(4)
  const file = await open(path).catch(() => undefined)
  if (!file) return // The reader says why.
  try {
    await file.read(start, 0, 4, 0)
  } catch {
    return
  } finally {
    await file.close()
  }
  const isArchive = start.toString('latin1') === 'PK\x03\x04'
  // Protocols 2 to 5 of pickles begin so.
  const isPickle = start[0] === 0x80 && start[1] !== undefined && start[1] >= 2 && start[1] <= 5
  const isSafetensors = path.endsWith('.safetensors')
  if (!isArchive && (!isPickle || isSafetensors)) return
  const out = path.replace(/\.\w+$/, '') + '.safetensors'
  const lines = [
    `import torch, safetensors.torch; w = torch.load(${JSON.stringify(path)}, map_location="cpu", weights_only=True)`,
    `safetensors.torch.save_file({k: v.contiguous() for k, v in w.get("state_dict", w).items()}, ${JSON.stringify(out)})`,
  ]
  const found = `a pickle, which can run code when it is read; two lines of Python make safetensors of it: ${lines.join('; ')}`
  throw mismatch('INVALID_WEIGHTS', path, 'a safetensors file', found)
}
