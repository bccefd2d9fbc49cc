/** Checkpoints within epochs, with everything that a training can be told; and errors that name the last one. */
import test from 'ava'
import {
  adam,
  createModel,
  jpegImages,
  loadModel,
  oneCycle,
  paperResnet,
  readSafetensors,
  sgd,
  writeSafetensors,
  type CheckpointEvent,
  type TrainEvent,
  type TrainOptions,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { twoClasses } from '../fixtures/pictures.js'
import { abortAt, allTensors, data, eventsOf, modelPath, newModel } from '../fixtures/training.js'

/** Everything on; five steps an epoch, the last of one batch. */
const everything: TrainOptions = {
  epochs: 3,
  batchSize: 1,
  accumulate: 2,
  seed: 7,
  optimizer: adam({ learningRate: 0.01, weightDecay: 0.01 }),
  schedule: oneCycle(),
  labelSmoothing: 0.1,
  storage: 'bfloat16',
  clip: { norm: 0.5 },
  freeze: ['conv1', 'bn1'],
  groups: [{ layers: ['fc'], factor: 10, weightDecay: 0 }],
  average: { decay: 0.9 },
  test: data,
  earlyStopping: { patience: 2 },
}

const checkpointsOf = (events: TrainEvent[]) =>
  events.filter((event): event is CheckpointEvent => event.type === 'checkpoint')

test('checkpoints come after so many steps, over the epochs, and after the epochs besides', async t => {
  const path = await modelPath(t)
  using model = newModel()
  const events = await eventsOf(model, { epochs: 2, batchSize: 2, checkpoint: { path, everySteps: 3 } })
  t.deepEqual(
    checkpointsOf(events).map(({ epoch, step, images }) => [epoch, step, images]),
    [
      [0, 3, 6],
      [1, 5, 0],
      [1, 6, 2],
      [1, 9, 8],
      [2, 10, 0],
    ],
  )
  using rarely = newModel()
  const rare = await eventsOf(rarely, {
    epochs: 3,
    batchSize: 2,
    checkpoint: { path, everyEpochs: 3, everySteps: 5 },
  })
  t.deepEqual(
    checkpointsOf(rare).map(({ epoch, step }) => [epoch, step]),
    [
      [1, 5],
      [2, 10],
      [3, 15],
    ],
    'one at the end of an epoch is after its test',
  )
})

test('interrupted at any checkpoint, within epochs too, a training ends with the bits of one that was not', async t => {
  using whole = newModel()
  const path = await modelPath(t)
  const every = checkpointsOf(await eventsOf(whole, { ...everything, checkpoint: { path, everySteps: 1 } }))
  const expected = await allTensors(t, whole)
  const history = whole.training?.history.map(({ loss, test }) => [loss, test?.loss])
  t.is(every.length, whole.training?.step ?? NaN)
  for (const { step } of every.slice(0, -1)) {
    using first = newModel()
    const checkpoint = { path, everySteps: 1 }
    await abortAt(t, first, { ...everything, checkpoint }, event => event.type === 'checkpoint' && event.step === step)
    using second = await loadModel(path)
    const [start] = (await eventsOf(second, { resume: true, test: data })).filter(({ type }) => type === 'start')
    t.like(start, { stepsDone: step })
    t.deepEqual(await allTensors(t, second), expected, `interrupted after step ${step}`)
    t.deepEqual(
      second.training?.history.map(({ loss, test }) => [loss, test?.loss]),
      history,
    )
  }
})

test('a checkpoint keeps every setting, and what differs is told', async t => {
  const path = await modelPath(t)
  using model = newModel()
  await model.fit(data, { ...everything, epochs: 1, checkpoint: { path } })
  using loaded = await loadModel(path)
  t.deepEqual(loaded.training?.settings, model.training?.settings)
  const changes = { accumulate: 3, clip: { value: 1 }, average: false, freeze: [] } as const
  const events = await eventsOf(loaded, { resume: true, epochs: 2, test: data, ...changes })
  const changed = events.flatMap(event => (event.type === 'start' ? event.changed : []))
  t.deepEqual(
    changed.map(text => text.split(' ')[0]),
    ['epochs', 'accumulate', 'clip', 'freeze', 'average'],
  )
  await failsWith(t, () => loaded.parameters({ weights: 'average' }), { code: 'INVALID_OPTION' })
})

test('a checkpoint from before there were these options resumes as if they were not given', async t => {
  const path = await modelPath(t)
  using model = newModel()
  await model.fit(data, { epochs: 1, batchSize: 4, checkpoint: { path } })
  const { tensors, metadata } = await readSafetensors(path)
  const training = JSON.parse(metadata['jpegnet.training'] ?? '') as { settings: object }
  const { epochs, batchSize, optimizer, schedule, shuffle, seed } = model.training!.settings
  training.settings = { epochs, batchSize, optimizer, schedule, shuffle, seed }
  metadata['jpegnet.training'] = JSON.stringify(training)
  await writeSafetensors(path, { tensors, metadata })
  using old = await loadModel(path)
  t.deepEqual(old.training, model.training)
  for (const resumed of [old, model]) await resumed.fit(data, { resume: true, epochs: 2 })
  t.deepEqual(await allTensors(t, old), await allTensors(t, model))
})

test('a loss that leaves float32 is told with the layer, the step, the epoch and the last checkpoint', async t => {
  const path = await modelPath(t)
  /** Fine for an epoch, then a step so large that the next overflows. */
  const options: TrainOptions = {
    epochs: 5,
    batchSize: 5,
    optimizer: sgd({ learningRate: 1e30, momentum: 0 }),
    schedule: { type: 'step', every: 1, factor: 1e30 },
  }
  using model = createModel(paperResnet({ classes: 2 }), { seed: 1 })
  await model.fit(data, { epochs: 1, batchSize: 5, optimizer: sgd({ learningRate: 0 }), checkpoint: { path } })
  const unsaved = await failsWith(t, () => model.fit(jpegImages(twoClasses), options), {
    code: 'NOT_FINITE',
    message: 'no checkpoint was saved before it',
  })
  t.regex(unsaved.message, /^\S+: expected finite values, found .* in step \d+ \(in epoch \d+, after \d+ steps/)
  using other = createModel(paperResnet({ classes: 2 }), { seed: 1 })
  const first = { ...options, optimizer: sgd({ learningRate: 1e-30, momentum: 0 }), checkpoint: { path } }
  const error = await failsWith(
    t,
    () => other.fit(data, { ...first, schedule: { type: 'step', every: 1, factor: 1e60 } }),
    {
      code: 'NOT_FINITE',
      message: `the last checkpoint, ${path}, is of epoch 1`,
    },
  )
  t.truthy(error.path, 'the layer')
  t.regex(error.message, /in epoch 2, after 3 steps of the training/)
  using good = await loadModel(path)
  t.is(good.training?.epoch, 1)
  t.true((await good.parameters()).every(({ values }) => values.every(Number.isFinite)))
})

test('a checkpoint within an epoch is named by its step', async t => {
  const path = await modelPath(t)
  using model = newModel()
  const overflow = sgd({ learningRate: 1e30, momentum: 0 })
  await failsWith(
    t,
    () => model.fit(data, { batchSize: 2, optimizer: overflow, checkpoint: { path, everySteps: 1 } }),
    {
      code: 'NOT_FINITE',
      message: `the last checkpoint, ${path}, is of epoch 1 after step 1`,
    },
  )
})
