/** The training loop: the order of the pictures, the learning rate, the events; a step is one call of the engine. */
import { batches, cut } from '../data/batches.js'
import { checkedSource, checkMemory, Dataset, readDataset, throwIfAborted } from '../data/dataset.js'
import type { JpegSource } from '../data/listing.js'
import { EVALUATION_BATCH, type Evaluation } from '../model/evaluate.js'
import { labelsFor } from '../model/labels.js'
import type { Model } from '../model/model.js'
import { permutation } from '../native/addon.js'
import { beginning, checkWritable, type TrainingState, type UnfinishedEpoch } from './checkpoint.js'
import type { EpochResult, StepEvent, TrainEvent } from './events.js'
import { checkedTrainOptions, trainSettings, type TrainOptions, type TrainSettings } from './options.js'
import { scheduleFactor } from './schedules.js'

/** Trains a model; see {@link Model.train}. */
export async function* train(
  model: Model,
  data: JpegSource | Dataset,
  options: TrainOptions,
): AsyncGenerator<TrainEvent, void> {
  const { signal, memory, checkpoint, resume, test: testData, ...given } = checkedTrainOptions(options)
  checkedSource(data, 'train.data')
  if (testData) checkedSource(testData, 'train.test')
  checkMemory(memory, [data, testData], 'train')
  const saved = resume ? model.training : undefined
  const settings = trainSettings(given, saved?.settings)
  const release = model.claim()
  const own: Dataset[] = []
  try {
    if (checkpoint) await checkWritable(checkpoint.path)
    const dataset = yield* opened(data, 'train', own, { signal, memory })
    const labels = labelsFor(model, dataset)
    const test = testData && (yield* opened(testData, 'test', own, { signal, memory }))
    if (test) labelsFor({ labels: model.labels ?? dataset.classes, classes: model.classes }, test)
    dataset.checkBatch(settings.batchSize)
    test?.checkBatch(EVALUATION_BATCH)

    const { state, changed } = beginning(saved, settings, dataset.length)
    model.labels ??= dataset.classes
    model.training = state
    if (!saved) await model.forgetOptimizer()
    yield {
      type: 'start',
      epochsDone: state.epoch,
      epochs: settings.epochs,
      images: dataset.length,
      imagesInMemory: dataset.inMemory,
      dataBytes: dataset.bytes,
      stepsPerEpoch: Math.ceil(dataset.length / settings.batchSize),
      skipped: [...dataset.skipped, ...(test?.skipped ?? [])],
      changed,
    }

    while (state.epoch < settings.epochs) {
      yield* epoch(model, dataset, labels, state, signal)
      const evaluation = test && (await model.evaluate(test, { signal }))
      const result = resultOf(state, evaluation)
      state.history.push(result)
      state.epoch += 1
      delete state.unfinished
      const { test: _, ...ofTraining } = result
      yield { type: 'epoch', ...ofTraining, ...(evaluation && { test: evaluation }) }
      const due = state.epoch % (checkpoint?.everyEpochs ?? 1) === 0 || state.epoch === settings.epochs
      if (checkpoint && due) {
        await model.save(checkpoint.path, { optimizer: true })
        yield { type: 'checkpoint', epoch: state.epoch, path: checkpoint.path }
      }
    }
  } finally {
    release()
    own.forEach(dataset => dataset.dispose())
  }
}

/** Reads a source, telling its progress; a data set is taken as it is and stays its owner's. */
async function* opened(
  data: JpegSource | Dataset,
  set: 'train' | 'test',
  own: Dataset[],
  options: Pick<TrainOptions, 'signal' | 'memory'>,
): AsyncGenerator<TrainEvent, Dataset> {
  if (data instanceof Dataset) return data
  const reading = readDataset(data, options)
  try {
    for (;;) {
      const { done, value } = await reading.next()
      if (done) {
        own.push(value)
        return value
      }
      yield { ...value, set }
    }
  } finally {
    // Ends the reading and frees what was read if the training is left before all of it is.
    await reading.return(undefined as never)
  }
}

/** The steps of an epoch, from the first picture it has not seen. */
async function* epoch(
  model: Model,
  dataset: Dataset,
  labels: Uint32Array,
  state: TrainingState,
  signal: AbortSignal | undefined,
): AsyncGenerator<StepEvent, void> {
  const { batchSize, optimizer, schedule, epochs } = state.settings
  const { type, ...hyperparameters } = optimizer
  const stepsPerEpoch = Math.ceil(dataset.length / batchSize)
  const order = orderOf(dataset.length, state.settings, state.epoch)
  let done: UnfinishedEpoch = state.unfinished ?? { images: 0, lossSum: 0, correct: 0, seconds: 0 }
  throwIfAborted(signal)
  let start = performance.now()
  for await (const { indices, pictures } of batches(dataset, cut(order, batchSize, done.images))) {
    throwIfAborted(signal)
    const stepOfEpoch = Math.floor(done.images / batchSize)
    const place = { step: state.epoch * stepsPerEpoch + stepOfEpoch, stepsPerEpoch, epochs }
    const learningRate = optimizer.learningRate * scheduleFactor(schedule, place)
    const batchLabels = indices.map(index => labels[index] as number)
    const update = { ...hyperparameters, optimizer: type, learningRate }
    const { loss, correct } = await model.step(pictures, batchLabels, update)
    const seconds = (performance.now() - start) / 1000
    const images = indices.length
    done = {
      images: done.images + images,
      lossSum: done.lossSum + loss * images,
      correct: done.correct + correct,
      seconds: done.seconds + seconds,
    }
    state.step += 1
    state.unfinished = done
    yield {
      type: 'step',
      epoch: state.epoch + 1,
      step: stepOfEpoch + 1,
      loss,
      accuracy: correct / images,
      learningRate,
      imagesPerSecond: images / seconds,
    }
    // Not the time that the listener took.
    start = performance.now()
  }
}

/** What an epoch that has seen every picture came to. */
function resultOf({ epoch, images, unfinished }: TrainingState, evaluation: Evaluation | undefined): EpochResult {
  const { lossSum, correct, seconds } = unfinished as UnfinishedEpoch
  const { labels: _, confusion: __, skipped: ___, ...test } = evaluation ?? ({} as Evaluation)
  return {
    epoch: epoch + 1,
    loss: lossSum / images,
    accuracy: correct / images,
    imagesPerSecond: images / seconds,
    seconds,
    ...(evaluation && { test }),
  }
}

/** The order of an epoch depends on the seed and its number alone, so that a resumed training needs no other state. */
function orderOf(length: number, { shuffle, seed }: TrainSettings, epoch: number): Uint32Array {
  return shuffle ? permutation(length, seed, epoch) : Uint32Array.from({ length }, (_, index) => index)
}
