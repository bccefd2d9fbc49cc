/** The model that a training begins with: a new one, one that was trained before, or one whose training goes on. */
import { isDeepStrictEqual } from 'node:util'
import { mismatch } from '../errors.js'
import { withoutUndefined } from '../options.js'
import {
  createModel,
  findPackaged,
  loadModel,
  loadPretrained,
  recommend,
  recommendTuning,
  replaceHead,
  suitsPretrained,
  type Choice,
  type Dataset,
  type DatasetSurvey,
  type Model,
  type Preprocessing,
  type RecommendedTraining,
  type Transform,
} from '../index.js'
import { modeOf, type SharedOptions } from './arguments.js'
import { count, say } from './terminal.js'

/** The network for few photos, if it is installed. */
const PHOTOS = 'resnet50'

/** What a command line says of the model. */
export interface ModelArguments extends SharedOptions {
  model?: string
  size?: readonly [number, number]
  channels?: number
  transform?: readonly Transform[]
  epochs?: number
  batchSize?: number
  seed?: number
  from?: string
  preprocessing?: Preprocessing
  freeze?: string[]
  augment?: readonly unknown[]
}

/** What a training begins with. */
export interface Start {
  model: Model
  /** How it should go on where nothing is said. */
  training: RecommendedTraining
  /** What was chosen by the images, to be said. */
  choices: readonly Choice[]
  /** Epochs from one checkpoint to the next: writing a large body takes longer than an epoch of its head. */
  everyEpochs?: number | undefined
}

/** The model for a data set, and how to train it, if none is resumed. */
export async function startingModel(data: Dataset, options: ModelArguments): Promise<Start> {
  if (data.classes.length < 2) {
    throw mismatch('NO_CLASSES', data.source, 'images of at least two classes', `one, ${data.classes[0]}`)
  }
  const survey = data.survey()
  const from = options.from ?? (await packagedFor(survey, options))
  return from === undefined || from === 'none' ? newModel(survey, options) : fineTuned(from, survey, options)
}

/** The network that is at hand for images like these: where it is installed, and nothing is said against it. */
async function packagedFor(survey: DatasetSurvey, options: ModelArguments): Promise<string | undefined> {
  const { model, size, channels, transform, mean, std, mode, frequencies } = options
  const said = [model, size, channels, transform, mean, std, mode, frequencies].some(value => value !== undefined)
  if (said || !suitsPretrained(survey) || !(await findPackaged(PHOTOS))) return undefined
  say(`few photos, and ${PHOTOS} is installed, which was trained on a million of them (--from none leaves it out)`)
  return PHOTOS
}

/** A model of other images with a head for these classes, or with its own if it has them. */
async function fineTuned(name: string, survey: DatasetSurvey, options: ModelArguments): Promise<Start> {
  const { classes } = survey
  const { mean, std, preprocessing, seed, transform, freeze, augment, epochs, batchSize } = options
  const given = withoutUndefined({ mean, std, preprocessing })
  const { model: from, file, package: packageName } = await loadPretrained(name, { ...given, ...modeOf(options) })
  mustAgree(from, name, options)
  const where = packageName === undefined ? file : `${name} of the npm package ${packageName}`
  const [width, height] = options.size ?? []
  const known = isDeepStrictEqual(from.labels, classes)
  const { input } = from.definition
  const asItIs =
    transform === undefined && (width ?? input.width) === input.width && (height ?? input.height) === input.height
  // A model of its own, which does not go on with the training that this one comes from.
  const model =
    known && asItIs
      ? createModel(from.definition, { labels: classes })
      : await replaceHead(from, { classes, seed, width, height, transform })
  if (known) await model.load(await from.parameters())
  const heads =
    from.definition.layers === model.definition.layers
      ? ''
      : `${count(classes.length)} new classes in place of ${count(from.classes)}`
  say(
    known
      ? `begins with ${where}, which tells these ${count(classes.length)} classes apart`
      : `begins with ${where}, but for its head: ${heads}`,
  )
  from.dispose()
  const body = freeze === undefined ? known : true
  const chosen = recommendTuning(survey, model, { body, augmented: (augment?.length ?? 0) > 0, epochs, batchSize })
  const { choices, training } = chosen
  const isHead = (training.freeze?.length ?? 0) > 0
  return { model, training, choices, everyEpochs: isHead ? Math.ceil((training.epochs ?? 1) / 5) : undefined }
}

/** A new model for images, chosen by all of them but for what is given. */
function newModel(survey: DatasetSurvey, options: ModelArguments): Start {
  const { classes: labels } = survey
  const { model: network, mean, std, channels, seed, size, transform, epochs, batchSize } = options
  const [width, height] = size ?? []
  const given = { network, channels, width, height, transform, epochs, batchSize, ...modeOf(options) }
  const { definition, choices, training } = recommend(survey, given)
  const { input } = definition
  // One number is for as many channels as were chosen.
  const normalisation = {
    mean: forChannels(mean, input.channels, '--mean') ?? input.mean,
    std: forChannels(std, input.channels, '--std') ?? input.std,
  }
  const model = createModel({ ...definition, input: { ...input, ...normalisation } }, { seed, labels })
  return { model, training, choices }
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
  throw mismatch('INVALID_OPTION', option, `one number, because the images are gray`, `${values.length}`)
}
