import * as z from 'zod'
import { mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { lift, NativeNetwork, type BindingStepOptions, type NativeJpegSet } from '../native/addon.js'
import { checked } from '../options.js'
import type { TrainingState } from '../train/checkpoint.js'
import type { Trained } from '../train/trained.js'
import type { LoadReport } from '../weights/load.js'
import type { Tensor } from '../weights/safetensors.js'
import type { ModelDefinition } from './definition.js'
import { toMetadata } from './files.js'
import { lowerModel } from './graph.js'
import type { Mode } from './mode.js'
import type { PlannedStep } from './plan.js'
import type { ModelNode } from './summary.js'
import { Turns } from './turns.js'
import type { WeightSet } from './weightSet.js'

/** Batches of calls to `predict` that are read or run at a time: one runs, and an image alone is read by one thread. */
const BATCHES_AT_WORK = 4

/** How the names of the optimizer's tensors begin. */
export const OPTIMIZER = 'optimizer.'

/** What a model is for this package: the network in native memory, and what is known of its classes and its training. */
export class Network {
  readonly definition: ModelDefinition
  /** State of its training, if it is being trained or was loaded from a checkpoint. */
  training: TrainingState | undefined
  /** Data, settings and results of the training of its weights, if they were trained here. */
  trained: Trained | undefined
  /** Number of classes. */
  readonly classes: number
  readonly nodes: readonly ModelNode[]
  readonly #native: NativeNetwork
  #labels: readonly string[] | undefined
  #last: Promise<unknown> = Promise.resolve()
  readonly #batches = new Turns(BATCHES_AT_WORK)
  #running = 0
  #inTraining = false
  #disposed = false

  /**
   * Draws the initial weights.
   *
   * @throws ModelError `INVALID_DEFINITION` or `SHAPE_MISMATCH`, naming the layer
   */
  constructor(definition: ModelDefinition, seed: number) {
    this.definition = definition
    this.#native = lift(NativeNetwork.create(JSON.stringify(lowerModel(definition)), seed))
    this.nodes = frozen(this.#native.nodes())
    this.classes = this.nodes.at(-1)?.outputShape[0] ?? 0
  }

  get labels(): readonly string[] | undefined {
    return this.#labels
  }

  /** @throws ModelError `LABELS_MISMATCH` if they are not as many names as there are classes, each its own */
  set labels(given: readonly string[] | undefined) {
    const labels = checked(z.array(z.string()).readonly().optional(), given, 'labels')
    if (labels !== undefined && labels.length !== this.classes) {
      throw mismatch('LABELS_MISMATCH', 'labels', `${this.classes} names, one a class`, `${labels.length}`)
    }
    const twice = labels?.find((name, index) => labels.indexOf(name) !== index)
    if (twice !== undefined) throw mismatch('LABELS_MISMATCH', 'labels', 'each name once', `${twice} twice`)
    this.#labels = labels && frozen([...labels])
  }

  /** Number of trainable parameters. */
  get parameterCount(): number {
    return this.#native.parameters
  }

  /** Bytes of native memory it holds. */
  get bytes(): number {
    return this.#native.bytes
  }

  /** How batches of so many images are predicted. */
  plan(batch: number, mode: Mode | undefined): Promise<PlannedStep[]> {
    return this.#call(network => network.plan(batch, mode ?? {}))
  }

  /** The same with the time of each step, for images of a batch. */
  profile(batch: NativeJpegSet, indices: Uint32Array, rounds: number, mode: Mode | undefined): Promise<PlannedStep[]> {
    return this.#call(network => network.profile(batch, indices, rounds, mode ?? {}))
  }

  /** What steps and tests would take of memory; it waits for no other call. */
  async plannedMemory(...planned: Parameters<NativeNetwork['trainingMemory']>) {
    return lift(await this.#native.trainingMemory(...planned))
  }

  /** What a layer gives for all images of a batch, one after the other; of the input if no layer is named. */
  valuesOf(batch: NativeJpegSet, mode: Mode | undefined, layer: string | undefined): Promise<Float32Array> {
    return this.#call(network => network.valueOf(batch, allOf(batch), layer, mode ?? {}))
  }

  /** Features `[pictures, features]` of images of a batch. */
  features(batch: NativeJpegSet, mode: Mode | undefined, indices: Uint32Array): Promise<Float32Array> {
    return this.#call(network => network.features(batch, indices, mode ?? {}))
  }

  /** Logits `[pictures, classes]` of images of a batch, all by default. */
  logits(batch: NativeJpegSet, mode: Mode | undefined, indices = allOf(batch)): Promise<Float32Array> {
    return this.#call(network => network.predict(batch, indices, mode ?? {}))
  }

  /** Prepares and runs a batch of a prediction, of which a few are at work: some are read while one runs. */
  inTurn<T>(batch: () => Promise<T>): Promise<T> {
    return this.#batches.take(batch)
  }

  /** How many features there are behind layers that no step with these options changes, if there are such layers. */
  settledFeatures(options: BindingStepOptions): number | undefined {
    return lift(this.#native.settledFeatures(options)) ?? undefined
  }

  /** Appends to a set what those layers make of all images of a batch. */
  async appendFeatures(batch: NativeJpegSet, options: BindingStepOptions, to: NativeJpegSet): Promise<void> {
    await this.#call(network => network.appendFeatures(batch, options, to))
  }

  /** One update on all images of a batch. */
  step(batch: NativeJpegSet, labels: Uint32Array, options: BindingStepOptions) {
    return this.#call(network => network.trainStep(batch, allOf(batch), labels, options))
  }

  /** The weights, biases and running statistics that predictions use, or those of a set. */
  parameters(weights?: WeightSet): Promise<Tensor[]> {
    return this.#call(network => (weights === undefined ? network.state(false) : network.weights(weights)))
  }

  /** Replaces every tensor whose name and shape match; the average and best weights of a training are discarded. */
  async load(tensors: readonly Tensor[]): Promise<Omit<LoadReport, 'prefix' | 'suggestions'>> {
    const report = await this.#call(network => network.load([...tensors]))
    delete this.training?.best
    this.trained = undefined
    return report
  }

  /** Takes over what the optimizer remembers, and the sets of weights that go with it. */
  async loadOptimizer(tensors: readonly Tensor[]): Promise<void> {
    await this.#call(network => network.loadOptimizer([...tensors]))
  }

  /** Begins the optimizer's memory anew, and goes on from the weights that predictions use. */
  async forgetOptimizer(): Promise<void> {
    await this.loadOptimizer([{ name: `${OPTIMIZER}step`, shape: [], values: new Float32Array(1) }])
  }

  /** Keeps the weights that predictions use as the best so far. */
  async keepBest(): Promise<void> {
    await this.#call(network => network.keepBest())
  }

  /** Makes the best weights those that predictions use; a step goes on from those it left last. */
  async restoreBest(): Promise<void> {
    await this.#call(network => network.restoreBest())
  }

  /** Makes the weights that a step left last, or their average, those that predictions use. */
  async answerWithLatest(): Promise<void> {
    await this.#call(network => network.answerWithLatest())
  }

  /** Forgets the best weights. */
  async forgetBest(): Promise<void> {
    await this.#call(network => network.forgetBest())
  }

  /**
   * Claims it for one training, until the function it returns is called.
   *
   * @throws ModelError `BUSY` if it is in one, `DISPOSED`
   */
  claim(): () => void {
    this.assertUsable()
    if (this.#inTraining) throw mismatch('BUSY', 'model', 'one training at a time', 'a second before the first ended')
    this.#inTraining = true
    return () => {
      this.#inTraining = false
    }
  }

  /** @throws ModelError `DISPOSED` */
  assertUsable(): void {
    if (this.#disposed) throw mismatch('DISPOSED', 'model', 'one in use', 'one that was disposed of')
  }

  /**
   * Writes its file: with the optimizer and the state of the training, or with a set of weights.
   *
   * @throws ModelError `WRITE_FAILED`; `NOT_FINITE` if a tensor could not be loaded again
   */
  async save(
    file: string,
    { optimizer = false, weights }: { optimizer?: boolean; weights?: WeightSet | undefined },
  ): Promise<void> {
    const { definition, labels, trained } = this
    const metadata = toMetadata({ definition, labels, training: optimizer ? this.training : undefined, trained })
    await this.#call(network => network.save(file, metadata, optimizer, weights))
  }

  /** @throws ModelError `BUSY` while a call runs */
  dispose(): void {
    if (this.#running > 0 || !this.#native.dispose()) {
      throw mismatch('BUSY', 'model', 'all calls to have ended before it is disposed of', 'one running')
    }
    this.#disposed = true
  }

  /** Does something during which it is not disposed of. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#running += 1
    try {
      return await work()
    } finally {
      this.#running -= 1
    }
  }

  /** Runs a verb after those that were called before it. */
  async #call<T>(verb: (network: NativeNetwork) => Promise<T>): Promise<Lifted<T>> {
    const turn = this.#last.then(() => verb(this.#native))
    this.#last = turn.catch(() => undefined)
    return this.during(async () => {
      const outcome = lift(await turn)
      this.#native.reportMemory()
      return outcome as Lifted<T>
    })
  }
}

/** The numbers of all images of a batch. */
function allOf({ length }: NativeJpegSet): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => index)
}

/** A verb's answer without its failures. */
type Lifted<T> = Exclude<T, { code: string; message: string }>
