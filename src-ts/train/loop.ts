/** The training loop: the order of the images, the learning rate, the events; a step is one call of the engine. */
import { batches, cut } from '../data/batches.js'
import { checkedSource, checkMemory, Dataset, readDataset } from '../data/dataset.js'
import { throwIfAborted } from '../data/iteration.js'
import type { JpegSource } from '../data/listing.js'
import { mismatch } from '../errors.js'
import { EVALUATION_BATCH, evaluate } from '../model/evaluate.js'
import type { Evaluation } from '../model/evaluation.js'
import { labelsFor, testedPictures } from '../model/labels.js'
import type { Network } from '../model/network.js'
import { permutation, type BindingView } from '../native/addon.js'
import { lowerView } from '../transforms/lower.js'
import type { Transform } from '../transforms/transform.js'
import { bestOf, bestRule } from './best.js'
import { beginning, type TrainingState, type UnfinishedEpoch } from './checkpoint.js'
import type { FeaturesEvent, LostEvent, StepEvent, StopEvent, TrainEvent } from './events.js'
import { canStore, storedFeatures, type Pictures, type StoredFeatures } from './features.js'
import { checkAvailable } from './memory.js'
import { checkedTrainOptions, type TrainOptions } from './options.js'
import { Remaining } from './remaining.js'
import type { EpochResult, TestResult } from './result.js'
import { Checkpoints, type Run } from './saving.js'
import { scheduleFactor } from './schedules.js'
import { trainSettings, type TrainSettings } from './settings.js'
import { endOf, keptEpoch } from './stopping.js'
import { trainedOn } from './trained.js'
import { picturesOfStep, updates, type UpdateOf } from './update.js'
import { checkValuesPerChannel } from './valuesPerChannel.js'

/** Trains a model; see {@link Model.train}. */
export async function* train(
  network: Network,
  data: JpegSource | Dataset,
  options: TrainOptions,
): AsyncGenerator<TrainEvent, void> {
  const { signal, memory, availableMemory, checkpoint, resume, test: testData, ...given } = checkedTrainOptions(options)
  checkedSource(data, 'train.data')
  if (testData) checkedSource(testData, 'train.test')
  checkMemory(memory, [data, testData], 'train')
  const saved = resume ? network.training : undefined
  const settings = trainSettings(given, saved?.settings)
  const update = updates(network.nodes, settings)
  if (bestRule(settings) && !testData) {
    const expected = `images to ${settings.earlyStopping ? 'stop early on' : 'find the best epoch by'}`
    throw mismatch('INVALID_OPTION', 'train.test', expected, 'nothing')
  }
  const checkpoints = new Checkpoints(checkpoint)
  const release = network.claim()
  const own: Dataset[] = []
  try {
    await checkpoints.prepare()
    const { input } = network.definition
    const dataset = yield* opened(data, 'train', own, { signal, memory, view: lowerView(input, settings.augment) })
    const labels = labelsFor(network, dataset)
    const test =
      testData &&
      (yield* opened(testData, 'test', own, { signal, memory, view: lowerView(input, input.transform ?? []) }))
    if (test) testedPictures({ labels: network.labels ?? dataset.classes, classes: network.classes }, test, 'error')
    dataset.checkBatch(picturesOfStep(settings))
    test?.checkBatch(EVALUATION_BATCH)

    checkValuesPerChannel(network.nodes, update(1), settings, dataset.length)
    await checkAvailable(network, settings, { images: dataset.length, tested: test?.length ?? 0, availableMemory })

    const { state, changed } = beginning(saved, settings, dataset.length)
    network.labels ??= dataset.classes
    network.training = state
    if (!saved) await network.forgetOptimizer()
    yield {
      type: 'start',
      epochsDone: state.epoch,
      stepsDone: state.step,
      epochs: settings.epochs,
      images: dataset.length,
      imagesInMemory: dataset.inMemory,
      ofOtherSize: dataset.ofOtherSize(network.definition.input),
      ...(test && { testOfOtherSize: test.ofOtherSize(network.definition.input) }),
      dataBytes: dataset.bytes,
      stepsPerEpoch: Math.ceil(dataset.length / picturesOfStep(settings)),
      skipped: [...dataset.skipped, ...(test?.skipped ?? [])],
      warned: [...dataset.warned, ...(test?.warned ?? [])],
      changed,
    }
    const trainedIn = (epoch: number) => trainedOn(dataset, state, network.definition, epoch)
    const run = { network, state, trainedIn }
    if (endOf(state) === undefined) {
      if (!state.best) await network.forgetBest()
      await network.answerWithLatest()
      yield* checkpoints.guard(run, epochs(run, { dataset, labels, test, update, checkpoints, signal }))
    } else {
      yield* stopEvent(network, state)
    }
  } finally {
    release()
    checkpoints.release()
    own.forEach(dataset => dataset.dispose())
  }
}

/** What the epochs of a training go through. */
interface Course {
  dataset: Dataset
  labels: Uint32Array
  test: Dataset | undefined
  update: UpdateOf
  checkpoints: Checkpoints
  signal: AbortSignal | undefined
}

/** The epochs that are left, on the images or on what frozen layers make of them. */
async function* epochs(run: Run, course: Course): AsyncGenerator<TrainEvent, void> {
  const stored: StoredFeatures[] = []
  try {
    yield* epochsOn(yield* toLearnFrom(run, course, stored), run, course)
  } finally {
    stored.forEach(features => features.dispose())
  }
}

/** The epochs that are left, each with its test and what is saved of it; then the best weights, if they are kept. */
async function* epochsOn(given: Given, run: Run, course: Course): AsyncGenerator<TrainEvent, void> {
  const { network, state, trainedIn } = run
  const { dataset, test, checkpoints, signal } = course
  const remaining = new Remaining()
  while (endOf(state) === undefined) {
    for await (const event of epoch(given.train, run, course, remaining)) {
      if (event.type === 'step') checkpoints.changed()
      yield event
      if (event.type === 'step' && state.unfinished?.images !== dataset.length) yield* checkpoints.saveIfDue(run)
    }
    const start = performance.now()
    const evaluation = test && (await evaluate(network, test, { signal }, given.test))
    if (test) remaining.testTook((performance.now() - start) / 1000)
    const { test: tested, ...ofTraining } = await endEpoch(network, state, evaluation)
    checkpoints.changed()
    network.trained = trainedIn(state.epoch)
    const { best } = state
    const { training: secondsLeft } = remaining.left(state)
    yield { type: 'epoch', ...ofTraining, ...(tested && { test: evaluation }), ...(best && { best }), secondsLeft }
    if (endOf(state) === undefined) yield* checkpoints.saveIfDue(run)
  }
  yield* stopEvent(network, state)
  network.trained = trainedIn(keptEpoch(state)?.epoch ?? state.epoch)
  yield* checkpoints.save(run)
}

/**
 * Reads a source, telling its progress; a data set is taken as it is and stays its owner's. Images that no view can be made of are
 * found now rather than in an epoch, and left out or refused.
 */
async function* opened(
  data: JpegSource | Dataset,
  set: 'train' | 'test',
  own: Dataset[],
  { view, ...options }: Pick<TrainOptions, 'signal' | 'memory'> & { view: BindingView },
): AsyncGenerator<TrainEvent, Dataset> {
  const fitting = (read: Dataset) => {
    const dataset = read.fitting(view)
    if (dataset !== read) own.push(dataset)
    return dataset
  }
  if (data instanceof Dataset) return fitting(data)
  const reading = readDataset(data, options)
  try {
    for (;;) {
      const { done, value } = await reading.next()
      if (done) {
        own.push(value)
        return fitting(value)
      }
      yield { ...value, set }
    }
  } finally {
    // Ends the reading and frees what was read if the training is left before all of it is.
    await reading.return(undefined as never)
  }
}

/** What is learned from, and what is tested on. */
interface Given {
  train: Pictures
  test: Pictures | undefined
}

/** The images themselves, or their features if frozen layers make the same of them in every epoch. */
async function* toLearnFrom(
  { network, state: { settings } }: Run,
  { dataset, test, update: updateOf, signal }: Course,
  stored: StoredFeatures[],
): AsyncGenerator<FeaturesEvent, Given> {
  const update = updateOf(1)
  if (!canStore(network, settings, update, dataset.length + (test?.length ?? 0))) return { train: dataset, test }
  const { input } = network.definition
  const ofSet = async function* (pictures: Dataset, set: 'train' | 'test', transforms: readonly Transform[]) {
    const view = lowerView(input, transforms)
    const features = yield* storedFeatures(network, pictures, set, { view, update, signal })
    stored.push(features)
    return features
  }
  return {
    train: yield* ofSet(dataset, 'train', settings.augment),
    test: test && (yield* ofSet(test, 'test', input.transform ?? [])),
  }
}

/** The steps of an epoch, from the first image it has not seen. */
async function* epoch(
  given: Pictures,
  { network, state }: Run,
  { dataset, labels, update: updateOf, signal }: Course,
  remaining: Remaining,
): AsyncGenerator<StepEvent | LostEvent, void> {
  const { schedule, epochs } = state.settings
  const ofStep = picturesOfStep(state.settings)
  const stepsPerEpoch = Math.ceil(dataset.length / ofStep)
  const order = orderOf(dataset.length, state.settings, state.epoch)
  let done: UnfinishedEpoch = state.unfinished ?? { images: 0, lossSum: 0, correct: 0, seconds: 0 }
  throwIfAborted(signal)
  let start = performance.now()
  const { augment, mix, seed } = state.settings
  const first = done.images
  const view = (before: number) =>
    lowerView(network.definition.input, augment, { mix, random: { seed, epoch: state.epoch, start: first + before } })
  for await (const { indices, pictures, lost, asked } of batches(given, cut(order, ofStep, first), view)) {
    throwIfAborted(signal)
    if (lost.length > 0) yield { type: 'lost', epoch: state.epoch + 1, files: lost }
    const stepOfEpoch = Math.floor(done.images / ofStep)
    const place = { step: state.epoch * stepsPerEpoch + stepOfEpoch, stepsPerEpoch, epochs }
    const update = updateOf(scheduleFactor(schedule, place))
    const labelsOfStep = indices.map(index => labels[index] as number)
    const { loss, correct, gradientNorm } = await network.step(pictures, labelsOfStep, update)
    const seconds = (performance.now() - start) / 1000
    const images = indices.length
    done = {
      images: done.images + asked,
      ...(asked > images || done.lost !== undefined ? { lost: (done.lost ?? 0) + asked - images } : {}),
      lossSum: done.lossSum + loss * images,
      correct: done.correct + correct,
      seconds: done.seconds + seconds,
      learningRate: update.learningRate,
    }
    remaining.stepTook(images, seconds)
    state.step += 1
    state.unfinished = done
    yield {
      type: 'step',
      epoch: state.epoch + 1,
      step: stepOfEpoch + 1,
      loss,
      accuracy: correct / images,
      learningRate: update.learningRate,
      gradientNorm,
      imagesPerSecond: images / seconds,
      secondsLeft: remaining.left(state),
    }
    // Not the time that the listener took.
    start = performance.now()
  }
}

/** Takes an epoch that has seen every image to the history, and keeps its weights if they are the best. */
async function endEpoch(
  network: Network,
  state: TrainingState,
  evaluation: Evaluation | undefined,
): Promise<EpochResult> {
  const result = resultOf(state, evaluation)
  const rule = bestRule(state.settings)
  const best = rule && bestOf(state.best, result, rule, state.history)
  if (best) {
    if (best.epoch === result.epoch && rule.keep) await network.keepBest()
    state.best = best
  }
  state.history.push(result)
  state.epoch += 1
  delete state.unfinished
  return result
}

/** Tells why a training that looked for its best epoch has ended, once the best weights are the model's if they shall be. */
async function* stopEvent(network: Network, state: TrainingState): AsyncGenerator<StopEvent, void> {
  const { epoch, best, settings, history } = state
  const [reason, rule, tested] = [endOf(state), bestRule(settings), history.at(-1)?.test]
  if (!rule || !best || !reason || !tested) return
  if (rule.keep) await network.restoreBest()
  const { metric, keep: restored } = rule
  yield { type: 'stop', reason, epoch, metric, best, last: { epoch, value: tested[metric] }, restored }
}

/** What an epoch that has seen every image came to. */
function resultOf({ epoch, images, unfinished }: TrainingState, evaluation: Evaluation | undefined): EpochResult {
  const { lossSum, correct, seconds, lost = 0, learningRate } = unfinished as UnfinishedEpoch
  const seen = images - lost
  return {
    epoch: epoch + 1,
    loss: lossSum / seen,
    accuracy: correct / seen,
    imagesPerSecond: seen / seconds,
    seconds,
    ...(learningRate !== undefined && { learningRate }),
    ...(evaluation && { test: numbersOf(evaluation) }),
  }
}

/** What the history keeps of an evaluation. */
function numbersOf({ images, correct, accuracy, loss, imagesPerSecond }: Evaluation): TestResult {
  return { images, correct, accuracy, loss, imagesPerSecond }
}

/** The order of an epoch depends on the seed and its number alone, so that a resumed training needs no other state. */
function orderOf(length: number, { shuffle, seed }: TrainSettings, epoch: number): Uint32Array {
  return shuffle ? permutation(length, seed, epoch) : Uint32Array.from({ length }, (_, index) => index)
}
