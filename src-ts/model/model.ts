import * as z from 'zod'
import { Dataset, type JpegSource } from '../data/dataset.js'
import { ModelError, mismatch } from '../errors.js'
import { checked } from '../options.js'
import { maskingShape, type MaskingOptions } from '../layers/masking.js'
import { lift, NativeJpegSet, NativeNetwork, type BindingNode, type BindingStepOptions } from '../native/addon.js'
import type { TrainEvent } from '../train/events.js'
import { train } from '../train/loop.js'
import { fit, type History } from '../train/fit.js'
import type { TrainOptions } from '../train/options.js'
import { missingWeights, withoutPrefix, type LoadReport } from '../weights/load.js'
import type { Tensor } from '../weights/safetensors.js'
import { modelDefinitionSchema, withMasking, type ModelDefinition } from './definition.js'
import { evaluate, type EvaluateOptions, type Evaluation } from './evaluate.js'
import { readModelFile, toMetadata, type TrainingState } from './files.js'
import { lowerModel } from './graph.js'
import { prediction, type Picture, type Prediction } from './predict.js'
import { summaryTable } from './summary.js'

/** Options of {@link createModel}. */
export interface CreateOptions {
  /** Where initial values come from: a whole number; 0 unless given. */
  seed?: number | undefined
  /** Names of the classes, in the order of the logits; taken from the data of the first training unless given. */
  labels?: readonly string[] | undefined
}

/** Options of {@link Model.predict}; masking, if given, replaces the definition's in every nonlinearity. */
export interface PredictOptions extends MaskingOptions {
  /** Pictures a call; 64 unless given. Answers do not depend on it. */
  batchSize?: number | undefined
}

const createOptionsSchema = z.strictObject({
  seed: z.int().min(0).optional(),
  labels: z.array(z.string()).readonly().optional(),
}) satisfies z.ZodType<CreateOptions>

const predictOptionsSchema = z.strictObject({
  ...maskingShape,
  batchSize: z.int().min(1).optional(),
}) satisfies z.ZodType<PredictOptions>

const loadOptionsSchema = z.strictObject(maskingShape) satisfies z.ZodType<LoadOptions>

/** The optimizer's tensors in a file. */
const OPTIMIZER = 'optimizer.'

/**
 * A model with PyTorch's initial values, ready to train.
 *
 * @throws ModelError `INVALID_OPTION`, `INVALID_DEFINITION` or `SHAPE_MISMATCH`, naming the layer, what was expected and
 * what was found
 */
export function createModel(definition: ModelDefinition, options: CreateOptions = {}): Model {
  const { seed = 0, labels } = checked(createOptionsSchema, options, 'createModel')
  const whole = checked(modelDefinitionSchema, definition, 'definition')
  const network = lift(NativeNetwork.create(JSON.stringify(lowerModel(whole)), seed))
  return new Model(whole, network, labels, undefined)
}

/** Options of {@link loadModel}; masking, if given, replaces that of every nonlinearity in the file's definition. */
export type LoadOptions = MaskingOptions

/**
 * A model from its file, with its labels and, if it has one, the state of its training.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `INVALID_WEIGHTS`; `INVALID_CHECKPOINT` if it is not a model's file,
 * of another version, or its tensors are not its definition's
 */
export async function loadModel(path: string, options: LoadOptions = {}): Promise<Model> {
  const masking = checked(loadOptionsSchema, options, 'loadModel')
  const { definition: saved, labels, training, tensors } = await readModelFile(path)
  const definition = withMasking(saved, masking)
  const network = lift(NativeNetwork.create(JSON.stringify(lowerModel(definition)), 0))
  const model = new Model(definition, network, labels, training)
  const isOptimizers = ({ name }: Tensor) => name.startsWith(OPTIMIZER)
  const { missing, unused, mismatched } = await model.load(tensors.filter(tensor => !isOptimizers(tensor)))
  const wrong = [
    ...missing.map(name => `no ${name}`),
    ...unused.map(name => `an unknown ${name}`),
    ...mismatched.map(({ name, expected, found }) => `${name} of shape ${found} instead of ${expected}`),
  ]
  if (wrong.length > 0) {
    throw mismatch('INVALID_CHECKPOINT', path, 'the tensors of its definition', wrong.slice(0, 5).join(', '))
  }
  const optimizer = tensors.filter(isOptimizers)
  if (optimizer.length > 0) lift(await network.loadOptimizer(optimizer))
  return model
}

/** A network in native memory. Calls on it run one after the other, off the event loop. */
export class Model {
  readonly definition: ModelDefinition
  /** Names of the classes, in the order of the logits. */
  labels: readonly string[] | undefined
  /** How far its training has come, if it is in one or was loaded from one. */
  training: TrainingState | undefined
  /** Classes it tells apart. */
  readonly classes: number
  /** Its layers as the engine plans them. */
  readonly nodes: readonly BindingNode[]
  readonly #network: NativeNetwork
  #last: Promise<unknown> = Promise.resolve()
  #waiting = 0

  /** @internal use {@link createModel} or {@link loadModel} */
  constructor(
    definition: ModelDefinition,
    network: NativeNetwork,
    labels: readonly string[] | undefined,
    training: TrainingState | undefined,
  ) {
    this.definition = definition
    this.#network = network
    this.nodes = network.nodes()
    this.classes = this.nodes.at(-1)?.outputShape[0] ?? 0
    if (labels !== undefined && labels.length !== this.classes) {
      throw mismatch('LABELS_MISMATCH', 'labels', `${this.classes} names, one a class`, `${labels.length}`)
    }
    this.labels = labels
    this.training = training
  }

  /** Weights and biases it learns. */
  get parameterCount(): number {
    return this.#network.parameters
  }

  /** Bytes of native memory it holds. */
  get bytes(): number {
    return this.#network.bytes
  }

  /** Its layers as a table: shapes, parameters, coefficients kept, and how each is computed. */
  summary(): string {
    return summaryTable(this.definition, this.nodes, this.parameterCount)
  }

  /**
   * Trains, telling every step, epoch and checkpoint as it happens. The event loop is free between and during steps.
   *
   * @throws ModelError `INVALID_OPTION`; that of the first bad file; `LABELS_MISMATCH`, `SIZE_MISMATCH`; `NOT_FINITE` if the
   * loss leaves float32; `WRITE_FAILED`; `ABORTED`
   */
  train(data: JpegSource | Dataset, options: TrainOptions = {}): AsyncGenerator<TrainEvent, void> {
    return train(this, data, options)
  }

  /** As {@link train}, at once: resolves to what the epochs came to. */
  fit(
    data: JpegSource | Dataset,
    options: TrainOptions & { onEvent?: (event: TrainEvent) => void } = {},
  ): Promise<History> {
    return fit(this, data, options)
  }

  /**
   * Counts right answers.
   *
   * @throws ModelError that of the first bad file; `LABELS_MISMATCH`, `SIZE_MISMATCH`, `ABORTED`
   */
  evaluate(data: JpegSource | Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
    return evaluate(this, data, options)
  }

  /**
   * Classifies pictures, in their order, a batch at a time.
   *
   * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, why a file gave no coefficients, or `SIZE_MISMATCH`
   */
  async predict(pictures: Picture | readonly Picture[], options: PredictOptions = {}): Promise<Prediction[]> {
    const { batchSize = 64, ...masking } = checked(predictOptionsSchema, options, 'predict')
    const all = Array.isArray(pictures) ? (pictures as readonly Picture[]) : [pictures as Picture]
    const predictions: Prediction[] = []
    for (let start = 0; start < all.length; start += batchSize) {
      predictions.push(...(await this.#predictBatch(all.slice(start, start + batchSize), start, masking)))
    }
    return predictions
  }

  async #predictBatch(pictures: readonly Picture[], first: number, masking: MaskingOptions): Promise<Prediction[]> {
    const files = pictures.map((picture, index) => {
      if (typeof picture === 'string') return { name: picture, jpeg: undefined }
      return picture instanceof Uint8Array ? { name: `picture ${first + index}`, jpeg: picture } : picture
    })
    const set = new NativeJpegSet()
    try {
      const inMemory = files.every(({ jpeg }) => jpeg !== undefined)
      const reports = inMemory
        ? [
            await set.decodeBuffers(
              files.map(({ jpeg }) => jpeg as Uint8Array),
              files.map(({ name }) => name),
            ),
          ]
        : await decodeMixed(set, files)
      reports.map(report => lift(report)).forEach(({ failures }) => failures.forEach(({ failure }) => lift(failure)))
      const indices = Uint32Array.from(files, (_, index) => index)
      const logits = await this.#call(network => network.predict(set, indices, bindingMasking(masking)))
      return files.map(({ name }, index) => {
        const row = Array.from(logits.subarray(index * this.classes, (index + 1) * this.classes))
        return prediction(name, row, this.labels)
      })
    } finally {
      set.dispose()
    }
  }

  /** @internal Logits `[pictures, classes]` of pictures of a data set. */
  logits(dataset: Dataset, indices: Uint32Array, masking: MaskingOptions): Promise<Float32Array> {
    const { mode, frequencies } = checked(z.strictObject(maskingShape), masking, 'masking')
    return this.#call(network => network.predict(dataset.set, indices, bindingMasking({ mode, frequencies })))
  }

  /** @internal One update on pictures of a data set. */
  step(dataset: Dataset, indices: Uint32Array, labels: Uint32Array, options: BindingStepOptions) {
    return this.#call(network => network.trainStep(dataset.set, indices, labels, options))
  }

  /** All weights, biases and running statistics with PyTorch's names, in its order. */
  parameters(): Promise<Tensor[]> {
    return this.#call(network => network.state(false))
  }

  /**
   * Replaces every tensor whose name and shape fit, and says what became of each; nothing is guessed. A prefix that all
   * names share (`module.`) is taken off and told.
   *
   * @throws ModelError `INVALID_WEIGHTS` if a tensor is not finite or given twice
   */
  async load(weights: readonly Tensor[] | { tensors: readonly Tensor[] }): Promise<LoadReport> {
    const given = 'tensors' in weights ? weights.tensors : weights
    const { prefix, tensors } = withoutPrefix(given)
    const report = { prefix, ...(await this.#call(network => network.load(tensors))) }
    return { ...report, missing: missingWeights(report) }
  }

  /**
   * Saves the model: aside first, then in place of the old file, which a failure leaves as it was.
   *
   * @param options `optimizer`: whether the optimizer and the state of the training go with it, so that it can be resumed
   * @throws ModelError `WRITE_FAILED`
   */
  async save(path: string, { optimizer = false }: { optimizer?: boolean } = {}): Promise<void> {
    const training = optimizer ? this.training : undefined
    const metadata = toMetadata({ definition: this.definition, labels: this.labels, training })
    await this.#call(network => network.save(path, metadata, optimizer))
  }

  /**
   * Frees its memory; any later use is an error.
   *
   * @throws ModelError `BUSY` while a call runs
   */
  dispose(): void {
    if (this.#waiting > 0 || !this.#network.dispose()) {
      throw new ModelError(
        'BUSY',
        'model: expected all calls to have ended before it is disposed of, found one running',
      )
    }
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** Runs a verb after those that were called before it. */
  async #call<T>(verb: (network: NativeNetwork) => Promise<T>): Promise<Lifted<T>> {
    this.#waiting += 1
    const turn = this.#last.then(() => verb(this.#network))
    this.#last = turn.catch(() => undefined)
    try {
      const outcome = lift(await turn)
      this.#network.reportMemory()
      return outcome as Lifted<T>
    } finally {
      this.#waiting -= 1
    }
  }
}

/** A verb's answer without its failures. */
type Lifted<T> = Exclude<T, { code: string; message: string }>

/** Decodes files and buffers in one order. */
async function decodeMixed(set: NativeJpegSet, files: readonly { name: string; jpeg: Uint8Array | undefined }[]) {
  const reports = []
  for (const { name, jpeg } of files) {
    reports.push(await (jpeg === undefined ? set.decodeFiles([name]) : set.decodeBuffers([jpeg], [name])))
  }
  return reports
}

function bindingMasking({ mode, frequencies }: MaskingOptions) {
  return { ...(mode && { masking: mode }), ...(frequencies !== undefined && { frequencies }) }
}
