/** The model that a training begins with: a new one, one that was trained before, or one whose training goes on. */
import { isDeepStrictEqual } from 'node:util'
import { mismatch } from '../errors.js'
import {
  createModel,
  loadModel,
  namedNetwork,
  replaceHead,
  type Dataset,
  type Model,
  type Transform,
} from '../index.js'
import { modeOf, type SharedOptions } from './arguments.js'
import { count, say } from './terminal.js'

/** What a command line says of the model. */
export interface ModelArguments extends SharedOptions {
  model?: string
  size?: readonly [number, number]
  transform?: readonly Transform[]
  seed?: number
  from?: string
}

/** The model for a data set, if none is resumed. */
export function startingModel(data: Dataset, options: ModelArguments): Promise<Model> {
  if (data.classes.length < 2) {
    throw mismatch('NO_CLASSES', data.source, 'pictures of at least two classes', `one, ${data.classes[0]}`)
  }
  return options.from === undefined ? newModel(data, options) : fineTuned(options.from, data, options)
}

/** A model of other pictures with a head for these classes, or with its own if it has them. */
async function fineTuned(path: string, { classes }: Dataset, options: ModelArguments): Promise<Model> {
  const from = await loadModel(path, modeOf(options))
  mustAgree(from, path, options)
  const [width, height] = options.size ?? []
  const known = isDeepStrictEqual(from.labels, classes)
  const { input } = from.definition
  if (
    known &&
    options.transform === undefined &&
    (width ?? input.width) === input.width &&
    (height ?? input.height) === input.height
  ) {
    from.training = undefined
    say(`begins with ${path}, which tells these ${count(classes.length)} classes apart`)
    return from
  }
  const { seed, transform } = options
  const model = await replaceHead(from, { classes, seed, width, height, transform })
  if (known) await model.load(await from.parameters())
  say(
    known
      ? `begins with ${path}, which tells these ${count(classes.length)} classes apart`
      : `begins with ${path}, but for its head: ${count(classes.length)} new classes in place of ${count(from.classes)}`,
  )
  from.dispose()
  return model
}

/** A new model for pictures; the first one's size and colour are the network's. */
async function newModel(data: Dataset, options: ModelArguments): Promise<Model> {
  const { classes } = data
  const first = await data.describe(0)
  const channels = first.colour === 'gray' ? 1 : 3
  // Exif's orientations from 5 on exchange the sides.
  const upright = [first.width, first.height]
  if (first.orientation > 4) upright.reverse()
  const { model = 'paper', mean, std, seed, size = upright, transform } = options
  const [width, height] = size as [number, number]
  const shape = { classes: classes.length, channels, width, height, transform }
  const normalisation = { mean: forChannels(mean, channels, '--mean'), std: forChannels(std, channels, '--std') }
  return createModel(namedNetwork(model, { ...shape, ...normalisation, ...modeOf(options) }), { seed, labels: classes })
}

/** The model of that file; what was said of it beside its masking must be so. */
export async function modelToResume(path: string, options: ModelArguments): Promise<Model> {
  const model = await loadModel(path, modeOf(options))
  mustAgree(model, path, options)
  const { size, transform } = options
  agree(path, '--size', [model.definition.input.width, model.definition.input.height], size)
  agree(path, '--transform', model.definition.input.transform ?? [], transform)
  return model
}

/** Refuses options that say otherwise than a model what it is and how it normalises. */
function mustAgree({ definition: { name, input } }: Model, path: string, { model, mean, std }: ModelArguments): void {
  agree(path, '--model', name, model)
  agree(path, '--mean', input.mean, forChannels(mean, input.channels, '--mean'))
  agree(path, '--std', input.std, forChannels(std, input.channels, '--std'))
}

function agree(path: string, option: string, its: unknown, given: unknown): void {
  if (given === undefined || isDeepStrictEqual(given, its)) return
  const text = (value: unknown) =>
    Array.isArray(value) && value.every(entry => typeof entry === 'object') ? JSON.stringify(value) : String(value)
  throw mismatch('INVALID_OPTION', option, `${text(its)}, as ${path} has it`, text(given))
}

function forChannels(values: number[] | undefined, channels: number, option: string): number[] | undefined {
  if (values === undefined || values.length === channels) return values
  if (values.length === 1) return Array<number>(channels).fill(values[0] as number)
  throw mismatch('INVALID_OPTION', option, `one number, because the pictures are gray`, `${values.length}`)
}
