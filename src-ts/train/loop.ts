/** The training loop: the order of the pictures, the learning rate, the events; a step is one call of the engine. */
import { Dataset, readDataset, throwIfAborted, type JpegSource } from '../data/dataset.js'
import { mismatch } from '../errors.js'
import { labelsFor, some } from '../model/evaluate.js'
import type { TrainingState } from '../model/files.js'
import type { Model } from '../model/model.js'
import { permutation } from '../native/addon.js'
import type { EpochResult, StepEvent, TrainEvent } from './events.js'
import { changedSettings, trainSettings, type TrainOptions, type TrainSettings } from './options.js'
import { scheduleFactor } from './schedules.js'

/** Trains a model; see {@link Model.train}. */
export async function* train(
  model: Model,
  data: JpegSource | Dataset,
  options: TrainOptions,
): AsyncGenerator<TrainEvent, void> {
  const saved = options.resume ? model.training : undefined
  const settings = trainSettings(options, saved?.settings)
  const { signal, checkpoint } = options
  const own: Dataset[] = []
  try {
    const dataset = yield* opened(data, 'train', own, signal)
    adoptLabels(model, dataset)
    const labels = labelsFor(model, dataset)
    const test = options.test && (yield* opened(options.test, 'test', own, signal))
    if (test) labelsFor(model, test)

    const stepsPerEpoch = Math.ceil(dataset.length / settings.batchSize)
    const state: TrainingState = {
      epoch: saved?.epoch ?? 0,
      step: saved?.step ?? 0,
      settings,
      history: [...(saved?.history ?? [])],
    }
    model.training = state
    yield {
      type: 'start',
      epochsDone: state.epoch,
      epochs: settings.epochs,
      images: dataset.length,
      dataBytes: dataset.bytes,
      stepsPerEpoch,
      skipped: [...dataset.skipped, ...(test?.skipped ?? [])],
      changed: saved ? changedSettings(saved.settings, settings) : [],
    }

    while (state.epoch < settings.epochs) {
      const result = yield* epoch(model, dataset, labels, state, stepsPerEpoch, signal)
      if (test) result.test = await model.evaluate(test, { ...(signal && { signal }) })
      state.epoch += 1
      state.history.push(result)
      yield { type: 'epoch', ...result }
      const due = state.epoch % (checkpoint?.everyEpochs ?? 1) === 0 || state.epoch === settings.epochs
      if (checkpoint && due) {
        await model.save(checkpoint.path, { optimizer: true })
        yield { type: 'checkpoint', epoch: state.epoch, path: checkpoint.path }
      }
    }
  } finally {
    own.forEach(dataset => dataset.dispose())
  }
}

/** Reads a source, telling its progress; a data set is taken as it is and stays its owner's. */
async function* opened(
  data: JpegSource | Dataset,
  set: 'train' | 'test',
  own: Dataset[],
  signal: AbortSignal | undefined,
): AsyncGenerator<TrainEvent, Dataset> {
  if (data instanceof Dataset) return data
  const reading = readDataset(data, signal)
  for (;;) {
    const { done, value } = await reading.next()
    if (done) {
      own.push(value)
      return value
    }
    yield { ...value, set }
  }
}

/** A model without labels takes those of the data it is trained on. */
function adoptLabels(model: Model, { classes }: Dataset): void {
  if (classes.length < 2) throw mismatch('NO_CLASSES', 'data', 'at least two classes', `one, ${classes[0] ?? ''}`)
  if (model.labels === undefined) {
    if (classes.length !== model.classes) {
      const found = `${classes.length} in the data (${some(classes)})`
      throw mismatch('LABELS_MISMATCH', 'classes', `the model's ${model.classes}`, found)
    }
    model.labels = [...classes]
  }
}

async function* epoch(
  model: Model,
  dataset: Dataset,
  labels: Uint32Array,
  state: TrainingState,
  stepsPerEpoch: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<StepEvent, EpochResult> {
  const { settings } = state
  const { batchSize, optimizer } = settings
  const order = orderOf(dataset.length, settings, state.epoch)
  const start = performance.now()
  let [lossSum, correct] = [0, 0]
  for (let step = 0; step < stepsPerEpoch; step++) {
    throwIfAborted(signal)
    const indices = order.subarray(step * batchSize, (step + 1) * batchSize)
    const place = { step: state.epoch * stepsPerEpoch + step, stepsPerEpoch, epochs: settings.epochs }
    const learningRate = optimizer.learningRate * scheduleFactor(settings.schedule, place)
    const { type, ...hyperparameters } = optimizer
    const update = { ...hyperparameters, optimizer: type, learningRate }
    const batchLabels = indices.map(index => labels[index] as number)
    const result = await model.step(dataset, indices, batchLabels, update)
    state.step += 1
    lossSum += result.loss * indices.length
    correct += result.correct
    const accuracy = result.correct / indices.length
    yield { type: 'step', epoch: state.epoch + 1, step: step + 1, loss: result.loss, accuracy, learningRate }
  }
  const seconds = (performance.now() - start) / 1000
  const images = dataset.length
  return {
    epoch: state.epoch + 1,
    loss: lossSum / images,
    accuracy: correct / images,
    imagesPerSecond: images / seconds,
    seconds,
  }
}

/** The order of an epoch depends on the seed and its number alone, so that a resumed training needs no other state. */
function orderOf(length: number, { shuffle, seed }: TrainSettings, epoch: number): Uint32Array {
  return shuffle ? permutation(length, seed, epoch) : Uint32Array.from({ length }, (_, index) => index)
}
