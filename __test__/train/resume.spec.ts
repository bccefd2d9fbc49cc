import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  adam,
  constant,
  cosine,
  jpegImages,
  loadModel,
  sgd,
  type Model,
  type StartEvent,
  type TrainOptions,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { temporaryFolder, twoClasses } from '../fixtures/pictures.js'
import { abortAt, allTensors, data, modelPath, newModel } from '../fixtures/training.js'

async function started(model: Model, options: TrainOptions): Promise<StartEvent> {
  const training = model.train(data, options)
  for await (const event of training) {
    if (event.type === 'start') return event
  }
  throw new Error('no training started')
}

const optimizers = { sgd: sgd({ learningRate: 0.01, weightDecay: 1e-3 }), adam: adam({ learningRate: 0.01 }) }

for (const [name, optimizer] of Object.entries(optimizers)) {
  const options = { epochs: 4, batchSize: 4, seed: 3, optimizer, schedule: cosine() }

  test(`stopping after an epoch and resuming from the file is the same as not stopping: ${name}`, async t => {
    using whole = newModel()
    const history = await whole.fit(data, options)
    const path = await modelPath(t)
    using first = newModel()
    await abortAt(t, first, { ...options, checkpoint: { path } }, ({ type }) => type === 'checkpoint')
    using second = await loadModel(path)
    t.is(second.training?.epoch, 1)
    const { epochs } = await second.fit(data, { resume: true })
    t.deepEqual(await allTensors(t, second), await allTensors(t, whole))
    t.deepEqual(
      epochs.map(({ epoch, loss, accuracy }) => ({ epoch, loss, accuracy })),
      history.epochs.map(({ epoch, loss, accuracy }) => ({ epoch, loss, accuracy })),
    )
  })

  test(`stopping within an epoch and resuming, in memory or from a file, is the same as not stopping: ${name}`, async t => {
    using whole = newModel()
    const history = await whole.fit(data, options)
    using model = newModel()
    await abortAt(t, model, options, event => event.type === 'step' && event.epoch === 2 && event.step === 2)
    t.like(model.training, { epoch: 1, step: 5, unfinished: { images: 8 } })
    const path = await modelPath(t)
    await model.save(path, { optimizer: true })
    using loaded = await loadModel(path)
    for (const resumed of [model, loaded]) {
      const { epochs } = await resumed.fit(data, { resume: true })
      t.deepEqual(await allTensors(t, resumed), await allTensors(t, whole))
      t.deepEqual(
        epochs.map(({ loss }) => loss),
        history.epochs.map(({ loss }) => loss),
      )
    }
  })
}

test('leaving the loop stops the training where it is', async t => {
  using whole = newModel()
  await whole.fit(data, { epochs: 2, batchSize: 4 })
  using model = newModel()
  for await (const event of model.train(data, { epochs: 2, batchSize: 4 })) if (event.type === 'step') break
  t.is(model.training?.step, 1)
  await model.fit(data, { resume: true })
  t.deepEqual(await model.parameters(), await whole.parameters())
})

test('more epochs go on from those that are done', async t => {
  using whole = newModel()
  await whole.fit(data, { epochs: 3, batchSize: 4, schedule: constant() })
  using model = newModel()
  await model.fit(data, { epochs: 2, batchSize: 4 })
  const { epochs } = await model.fit(data, { epochs: 3, resume: true })
  t.deepEqual(
    epochs.map(({ epoch }) => epoch),
    [1, 2, 3],
  )
  t.deepEqual(await model.parameters(), await whole.parameters())
})

test('a training that is done has nothing to resume', async t => {
  using model = newModel()
  await model.fit(data, { epochs: 2 })
  const before = await model.parameters()
  const { epochs } = await model.fit(data, { resume: true })
  t.is(epochs.length, 2)
  t.deepEqual(await model.parameters(), before)
})

test('fewer epochs than are done are refused', async t => {
  using model = newModel()
  await model.fit(data, { epochs: 2 })
  await failsWith(t, () => model.fit(data, { epochs: 1, resume: true }), {
    code: 'INVALID_OPTION',
    path: 'train.epochs',
    expected: 'at least 2',
    found: '1',
  })
})

test('a model without a training starts at its weights', async t => {
  using model = newModel()
  const start = await started(model, { resume: true, epochs: 1 })
  t.like(start, { epochsDone: 0, changed: [] })
})

test('without resume a training starts over from the weights', async t => {
  using model = newModel()
  await model.fit(data, { epochs: 2 })
  t.is((await started(model, { epochs: 2 })).epochsDone, 0)
  t.is(model.training?.history.length, 0)
})

test('options that differ from the checkpoint are told', async t => {
  const path = await modelPath(t)
  using model = newModel()
  await model.fit(data, { epochs: 1, batchSize: 4, optimizer: sgd({ weightDecay: 1e-4 }), checkpoint: { path } })
  using loaded = await loadModel(path)
  const optimizer = sgd({ weightDecay: 2e-4 })
  const { changed } = await started(loaded, { resume: true, epochs: 2, batchSize: 5, optimizer, seed: 9 })
  t.deepEqual(
    changed.map(text => text.split(' ')[0]),
    ['epochs', 'batchSize', 'optimizer', 'seed'],
  )
  t.is(changed[1], 'batchSize was 4, now 5')
})

test('other pictures than the checkpoint saw are told, and an unfinished epoch begins again', async t => {
  using model = newModel()
  await abortAt(t, model, { epochs: 2, batchSize: 4 }, ({ type }) => type === 'step')
  const { epochs } = await model.fit(jpegImages(twoClasses.slice(0, 6)), {
    resume: true,
    onEvent: event => {
      if (event.type === 'start') t.deepEqual(event.changed, ['images was 10, now 6', 'epoch 1 begins again'])
    },
  })
  t.is(epochs.length, 2)
  t.is(model.training?.step, 1 + 2 * 2)
})

test('other classes than the checkpoint saw are refused', async t => {
  using model = newModel()
  await model.fit(data, { epochs: 1 })
  const others = jpegImages(twoClasses.map(image => ({ ...image, label: image.label === 'odd' ? 'strange' : 'even' })))
  await failsWith(t, () => model.fit(others, { resume: true, epochs: 2 }), {
    code: 'LABELS_MISMATCH',
    expected: 'even, odd',
    found: 'an unknown strange',
  })
})

test('checkpoints come as often as wished, and after the last epoch', async t => {
  const path = await modelPath(t)
  using model = newModel()
  const saved: number[] = []
  for await (const event of model.train(data, { epochs: 5, checkpoint: { path, everyEpochs: 2 } })) {
    if (event.type !== 'checkpoint') continue
    t.is(event.path, path)
    saved.push(event.epoch)
    using loaded = await loadModel(path)
    t.is(loaded.training?.epoch, event.epoch)
    t.deepEqual(await loaded.parameters(), await model.parameters())
  }
  t.deepEqual(saved, [2, 4, 5])
})

test('an aborted training keeps the last checkpoint', async t => {
  const path = await modelPath(t)
  using model = newModel()
  const options = { epochs: 3, batchSize: 4, checkpoint: { path } }
  await abortAt(t, model, options, event => event.type === 'step' && event.epoch === 3)
  using loaded = await loadModel(path)
  t.is(loaded.training?.epoch, 2)
  t.deepEqual(await readdir(join(path, '..')), ['a.model'])
})

test('a training that is aborted before it begins changes nothing', async t => {
  using model = newModel()
  const before = await model.parameters()
  await failsWith(t, () => model.fit(data, { signal: AbortSignal.abort() }), { code: 'ABORTED' })
  t.deepEqual(await model.parameters(), before)
})

test('an aborted training can be resumed, because its model is free again', async t => {
  using model = newModel()
  await abortAt(t, model, { epochs: 1, batchSize: 4 }, ({ type }) => type === 'step')
  await t.notThrowsAsync(model.fit(data, { resume: true }))
})

test('a checkpoint that cannot be written is refused before the first step', async t => {
  const folder = await temporaryFolder(t)
  using model = newModel()
  for (const path of [join(folder, 'no', 'a.model'), folder]) {
    await failsWith(t, () => model.fit(data, { checkpoint: { path } }), { code: 'WRITE_FAILED', path })
  }
  t.is(model.training, undefined)
})
