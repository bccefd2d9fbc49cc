import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import type { JpegSource } from '../data/listing.js'
import { ModelError, mismatch, type ModelErrorCode } from '../errors.js'
import { checked, checkedObject, checkedPath, shown } from '../options.js'
import { frozen } from '../layers/freeze.js'
import type { TrainingState } from '../train/checkpoint.js'
import type { TrainEvent } from '../train/events.js'
import { fit, type History } from '../train/fit.js'
import { train } from '../train/loop.js'
import { trainingMemory, type TrainingMemory, type TrainingSize } from '../train/memory.js'
import { checkedSettings, type TrainOptions } from '../train/options.js'
import { trainSettings, type GivenSettings } from '../train/settings.js'
import type { Trained } from '../train/trained.js'
import { missingWeights, suggestions, withoutPrefix, type LoadReport } from '../weights/load.js'
import { checkedTensors, type Tensor } from '../weights/safetensors.js'
import { modelDefinitionSchema, type ModelDefinition } from './definition.js'
import { evaluate, type EvaluateOptions } from './evaluate.js'
import type { Evaluation } from './evaluation.js'
import { featureMaps, type FeatureMap, type FeatureMapOptions } from './featureMaps.js'
import { readModelFile } from './files.js'
import { completeMode, modeShape, withMode, type ModeOptions } from './mode.js'
import { Network, OPTIMIZER } from './network.js'
import {
  InferencePlan,
  planOptionsSchema,
  profileOptionsSchema,
  type PlanOptions,
  type ProfileOptions,
} from './plan.js'
import {
  embed,
  named,
  picturesSchema,
  predict,
  type Embedding,
  type Picture,
  type Prediction,
  type PredictOptions,
} from './predict.js'
import { predictEach, type PictureAnswer } from './predictEach.js'
import { summaryTable, type ModelNode } from './summary.js'
import { viewsOfAll } from './views.js'
import type { WeightSet } from './weightSet.js'

/** Options of {@link createModel}; a mode, if given, replaces the definition's. */
export interface CreateOptions extends ModeOptions {
  /** Seed of the initial weights, a whole number; 0 by default. */
  seed?: number | undefined
  /** Names of the classes, in the order of the logits; by default those of the first training's data. */
  labels?: readonly string[] | undefined
}

/** Options of {@link Model.save}. */
export interface SaveOptions {
  /** Whether to save the optimizer's state and the state of the training too, so that it can be resumed. */
  optimizer?: boolean | undefined
  /** Which weights to save; by default those that predictions use. */
  weights?: WeightSet | undefined
}

const createOptionsSchema = z.strictObject({
  seed: z.int().min(0).optional(),
  labels: z.array(z.string()).readonly().optional(),
  ...modeShape,
}) satisfies z.ZodType<CreateOptions>

const weightSet = z.enum(['live', 'average', 'best']).optional()

const saveOptionsSchema = z.strictObject({
  optimizer: z.boolean().optional(),
  weights: weightSet,
}) satisfies z.ZodType<SaveOptions>

const parametersOptionsSchema = z.strictObject({ weights: weightSet })

const loadOptionsSchema = z.strictObject(modeShape) satisfies z.ZodType<LoadOptions>

/**
 * Creates a model with random weights, initialised as in PyTorch.
 *
 * @throws ModelError `INVALID_OPTION`, `INVALID_DEFINITION` or `SHAPE_MISMATCH`, naming the layer, what was expected and what was found
 */
export function createModel(definition: ModelDefinition, options: CreateOptions = {}): Model {
  const { seed = 0, labels, ...mode } = checked(createOptionsSchema, options, 'createModel')
  const given = checked(modelDefinitionSchema, definition, 'definition')
  const whole = frozen(withMode(given, completeMode(mode, given, 'createModel')))
  const network = new Network(whole, seed)
  network.labels = labels
  return modelOf(network)
}

/** Errors that a file's contents cause, rather than the machine or the environment. */
const ABOUT_CONTENTS: readonly ModelErrorCode[] = [
  'INVALID_DEFINITION',
  'SHAPE_MISMATCH',
  'LABELS_MISMATCH',
  'INVALID_WEIGHTS',
  'INVALID_CHECKPOINT',
]

/** Options of {@link loadModel}; a mode, if given, replaces that of the file's definition. */
export type LoadOptions = ModeOptions

/**
 * Loads a model from its file, with its labels and, if there is one, the state of its training.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `INVALID_WEIGHTS` if it is no safetensors file; `INVALID_CHECKPOINT` if it is not
 * a model's, of another version, or its parts do not fit each other
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const mode = checked(loadOptionsSchema, options, 'loadModel')
  const file = checkedPath(path, 'loadModel.path')
  const { definition: saved, labels, training, trained, tensors } = await readModelFile(file)
  const definition = frozen(withMode(saved, completeMode(mode, saved, 'loadModel')))
  try {
    const network = new Network(definition, 0)
    network.labels = labels
    const model = modelOf(network)
    const isOptimizers = ({ name }: Tensor) => name.startsWith(OPTIMIZER)
    const { missing, unused, mismatched } = await model.load(tensors.filter(tensor => !isOptimizers(tensor)))
    const wrong = [
      ...missing.map(name => `no ${name}`),
      ...unused.map(name => `an unknown ${name}`),
      ...mismatched.map(({ name, expected, found }) => `${name} of shape ${found} instead of ${expected}`),
    ]
    if (wrong.length > 0) {
      throw mismatch('INVALID_CHECKPOINT', 'tensors', 'those of its definition', wrong.slice(0, 5).join(', '))
    }
    const optimizer = tensors.filter(isOptimizers)
    if (optimizer.length > 0) await network.loadOptimizer(optimizer)
    network.training = training
    network.trained = trained
    return model
  } catch (cause) {
    if (!(cause instanceof ModelError && ABOUT_CONTENTS.includes(cause.code))) throw cause
    const { message, expected, found } = cause
    throw new ModelError('INVALID_CHECKPOINT', `${path}: ${message}`, { path, expected, found, cause })
  }
}

/** Makes the model of a network. */
let modelOf: (network: Network) => Model

/** @internal The network of a model: what this package does with it beyond what users do. */
export let networkOf: (model: Model) => Network

/** A network in native memory. Its methods run one after the other, on other threads. */
export class Model {
  static {
    modelOf = network => new Model(network)
    networkOf = model => model.#network
  }

  readonly definition: ModelDefinition
  /** Number of classes. */
  readonly classes: number
  /** Its layers. */
  readonly nodes: readonly ModelNode[]
  readonly #network: Network

  private constructor(network: Network) {
    this.#network = network
    this.definition = network.definition
    this.classes = network.classes
    this.nodes = network.nodes
  }

  /** State of its training, if it is being trained or was loaded from a checkpoint. */
  get training(): TrainingState | undefined {
    return this.#network.training
  }

  /** Data, settings and results of the training of its weights, if they were trained here. */
  get trained(): Trained | undefined {
    return this.#network.trained
  }

  /** Names of the classes, in the order of the logits. */
  get labels(): readonly string[] | undefined {
    return this.#network.labels
  }

  /** @throws ModelError `LABELS_MISMATCH` if they are not as many names as there are classes, each its own */
  set labels(given: readonly string[] | undefined) {
    this.#network.labels = given
  }

  /** Number of trainable parameters. */
  get parameterCount(): number {
    return this.#network.parameterCount
  }

  /** Bytes of native memory it holds. */
  get bytes(): number {
    return this.#network.bytes
  }

  /**
   * How a prediction is computed on this machine: one entry for each step, with the chosen method and the reason.
   *
   * @throws ModelError `INVALID_OPTION`, `DISPOSED`
   */
  async plan(options: PlanOptions = {}): Promise<InferencePlan> {
    const { batch = 1, ...given } = checked(planOptionsSchema, options, 'plan')
    const mode = completeMode(given, this.definition, 'plan')
    const steps = await this.#network.plan(batch, mode)
    return InferencePlan.of(this.definition, batch, mode, steps)
  }

  /**
   * As {@link plan}, with the measured time of each step for these images as one batch.
   *
   * @throws ModelError as {@link predict}; `INVALID_OPTION` if there are no images
   */
  async profile(pictures: Picture | readonly Picture[], options: ProfileOptions = {}): Promise<InferencePlan> {
    const { rounds = 11, ...given } = checked(profileOptionsSchema, options, 'profile')
    const mode = completeMode(given, this.definition, 'profile')
    const all = checked(picturesSchema, Array.isArray(pictures) ? pictures : [pictures], 'profile')
    this.#network.assertUsable()
    const { set, indices } = await viewsOfAll(
      this.definition.input,
      await Promise.all(all.map((one, at) => named(one, at))),
      {},
    )
    try {
      const steps = await this.#network.profile(set, indices, rounds, mode)
      return InferencePlan.of(this.definition, all.length, mode, steps)
    } finally {
      set.dispose()
    }
  }

  /**
   * Bytes of native memory that a training with these options would take on this machine, beside its data sets.
   *
   * @param size how many images it has, and how many it is tested on: 0 by default
   * @throws ModelError `INVALID_OPTION`
   */
  async trainingMemory(
    options: GivenSettings = {},
    { images = Infinity, tested = 0 }: Partial<TrainingSize> = {},
  ): Promise<TrainingMemory> {
    const settings = trainSettings(checkedSettings(options), undefined)
    return trainingMemory(this.#network, settings, { images, tested })
  }

  /**
   * Its layers as a table: output shapes, parameters, DCT coefficients that activations use, and the methods in training. {@link plan}
   * shows the methods at inference.
   */
  summary(): string {
    return summaryTable(this.definition, this.nodes, this.parameterCount)
  }

  /**
   * Trains the model. The returned iterable gives an event for every step, epoch and checkpoint, and trains as it is iterated. Steps do not
   * block the event loop.
   *
   * @throws ModelError `INVALID_OPTION`; that of the first bad file, or of one that must be read again (`FILE_CHANGED`, `FILE_NOT_FOUND`);
   * `NO_CLASSES`, `LABELS_MISMATCH`, `SIZE_MISMATCH`; `NOT_FINITE` if the loss overflows float32; `OUT_OF_MEMORY` if it would not fit;
   * `WRITE_FAILED`; `ABORTED`; `BUSY` if it is in a training; `DISPOSED`
   */
  train(data: JpegSource | Dataset, options: TrainOptions = {}): AsyncGenerator<TrainEvent, void> {
    return train(this.#network, data, options)
  }

  /** As {@link train}, to the end: resolves to the results of all epochs. */
  fit(
    data: JpegSource | Dataset,
    options: TrainOptions & { onEvent?: (event: TrainEvent) => void } = {},
  ): Promise<History> {
    return fit(this.#network, data, options)
  }

  /**
   * Measures the model on labelled images: accuracy, loss, precision and recall, confusion matrix.
   *
   * @throws ModelError `INVALID_OPTION`; that of the first bad file, or of one that must be read again (`FILE_CHANGED`, `FILE_NOT_FOUND`);
   * `NO_CLASSES`, `LABELS_MISMATCH`, `SIZE_MISMATCH`, `ABORTED`, `DISPOSED`
   */
  evaluate(data: JpegSource | Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
    return evaluate(this.#network, data, options)
  }

  /**
   * Classifies images, in their order, a batch at a time, and resolves when all are. Any number of calls may be made at
   * once: they share the model batch by batch, in turns, and at most four batches of them are in native memory. Bytes must
   * stay as they are until then.
   *
   * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`, why a file gave no coefficients,
   * `SIZE_MISMATCH`, `ABORTED`, `DISPOSED`
   */
  predict(pictures: Picture | readonly Picture[], options: PredictOptions = {}): Promise<Prediction[]> {
    return this.#network.during(() => predict(this.#network, pictures, options))
  }

  /**
   * Classifies images of an iterable as they come: an array, a generator, a stream; each gets its answer, in their order.
   * An image that cannot be classified gets why as its answer's `error`, and the others go on. What has come is classified
   * at once, as a batch of at most `batchSize`; meanwhile the next is read and decoded. Answers not taken hold the reading up: at
   * most four batches are taken that were not answered for, each of at most `batchSize` images, and none has more than
   * one image beyond 32 MiB of bytes. The iterable's own errors are thrown as they are, after the answers to what came
   * before; its `return` is called if the caller stops, or the signal says so, before its end. A generator or a stream is
   * read once.
   *
   * This is not {@link predict}, because an array, bytes and even a path are iterables too: one call could not tell which
   * is one image, which are all to be answered at once, and which one after the other.
   *
   * @throws ModelError `INVALID_OPTION`, `ABORTED`, `DISPOSED`
   */
  predictEach(
    pictures: AsyncIterable<Picture> | Iterable<Picture>,
    options: PredictOptions = {},
  ): AsyncGenerator<PictureAnswer, void> {
    return predictEach(this.#network, pictures, options)
  }

  /**
   * The inputs of the last layer for these images, in order: pooled features, for similarity search or another classifier.
   *
   * @throws ModelError as {@link predict}; `INVALID_DEFINITION` if the last layer is not a linear one
   */
  embed(pictures: Picture | readonly Picture[], options: PredictOptions = {}): Promise<Embedding[]> {
    return this.#network.during(() => embed(this.#network, pictures, options))
  }

  /**
   * The outputs of layers for an image, as DCT coefficients. Each layer that is given runs the network up to it.
   *
   * @throws ModelError as {@link predict}
   */
  featureMaps(picture: Picture, options: FeatureMapOptions = {}): Promise<FeatureMap[]> {
    return this.#network.during(() => featureMaps(this.#network, picture, options))
  }

  /**
   * All weights, biases and running statistics with PyTorch's names, in its order: those that predictions use, or another
   * set that its training keeps.
   *
   * @throws ModelError `INVALID_OPTION` if there is no such set
   */
  async parameters(options: { weights?: WeightSet | undefined } = {}): Promise<Tensor[]> {
    const { weights } = checked(parametersOptionsSchema, options, 'parameters')
    return this.#network.parameters(weights)
  }

  /**
   * Replaces every tensor whose name and shape match, and reports what happened to each. A common prefix of the names (`module.`,
   * `model.backbone.`) is removed and reported. The average and best weights of a training are discarded.
   *
   * @throws ModelError `INVALID_OPTION`; `INVALID_WEIGHTS` if a tensor is not finite or given twice; `DISPOSED`
   */
  async load(weights: readonly Tensor[] | { tensors: readonly Tensor[] }): Promise<LoadReport> {
    const all = checkedObject(weights, 'load', 'tensors, or { tensors }')
    const given = checkedTensors('tensors' in all ? all.tensors : all, 'load.tensors')
    const layers = this.nodes.filter(({ parameters }) => parameters > 0).map(({ path }) => path)
    const { prefix, tensors } = withoutPrefix(given, layers)
    const report = await this.#network.load(tensors)
    const [missing, unused] = [missingWeights(report.missing), report.unused]
    const ownTensors = missing.length > 0 && unused.length > 0 ? await this.parameters() : []
    const alike = suggestions(
      ownTensors.filter(({ name }) => missing.includes(name)),
      tensors.filter(({ name }) => unused.includes(name)),
    )
    return { ...report, prefix, missing, suggestions: alike }
  }

  /**
   * Saves the model: aside first, then in place of the old file, which a failure leaves as it was.
   *
   * @throws ModelError `WRITE_FAILED`; `NOT_FINITE` if a tensor could not be loaded again; `INVALID_OPTION` if there is no such set of weights, or the training's state is to go
   * with a set
   */
  async save(path: string, options: SaveOptions = {}): Promise<void> {
    const file = checkedPath(path, 'save.path')
    const { optimizer = false, weights } = checked(saveOptionsSchema, options, 'save')
    if (optimizer && weights !== undefined) {
      throw mismatch('INVALID_OPTION', 'save.weights', 'nothing, because the optimizer goes with all sets', weights)
    }
    await this.#network.save(file, { optimizer, weights })
  }

  /**
   * Frees its memory; any later use is an error, and so is the next image of a {@link predictEach} that waits for one.
   *
   * @throws ModelError `BUSY` while a call runs
   */
  dispose(): void {
    this.#network.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** @throws ModelError `INVALID_OPTION` if a value is no model */
export function checkedModel(value: Model, where: string): Model {
  if (value instanceof Model) return value
  throw mismatch('INVALID_OPTION', where, 'a model that createModel or loadModel gave', shown(value))
}
