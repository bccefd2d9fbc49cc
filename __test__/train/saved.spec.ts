/** Whatever a training ends with, what it has learned by then is saved first; and what could not be loaded never is. */
import { copyFile, mkdir, readFile, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  createModel,
  jpegFiles,
  jpegImages,
  loadDataset,
  loadModel,
  resnet,
  sgd,
  type TrainEvent,
  type TrainOptions,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, inTwoFolders, temporaryFolder, twoClasses } from '../fixtures/pictures.js'
import { allTensors, data, eventsOf, modelPath, newModel } from '../fixtures/training.js'

const options: TrainOptions = { epochs: 3, batchSize: 2, seed: 4 }

test('a listener that throws, and one that leaves, cost no step', async t => {
  for (const end of ['throw', 'leave'] as const) {
    const path = await modelPath(t)
    using model = newModel()
    const training = async () => {
      for await (const event of model.train(data, { ...options, checkpoint: { path } })) {
        if (event.type !== 'step' || event.epoch !== 2 || event.step !== 3) continue
        if (end === 'throw') throw new Error('the listener is broken')
        break
      }
    }
    if (end === 'throw') await t.throwsAsync(training, { message: 'the listener is broken' })
    else await training()
    using saved = await loadModel(path)
    t.like(saved.training, { epoch: 1, step: 8, unfinished: { images: 6 } }, end)
    t.deepEqual(await saved.parameters(), await model.parameters())
    using whole = newModel()
    await whole.fit(data, options)
    await saved.fit(data, { resume: true })
    t.deepEqual(await allTensors(t, saved), await allTensors(t, whole), end)
  }
})

test('a test that fails costs no step of the epoch before it', async t => {
  const tested = await loadDataset(data)
  const path = await modelPath(t)
  using model = newModel()
  const events: TrainEvent[] = []
  const gone = await t.throwsAsync(async () => {
    for await (const event of model.train(data, { ...options, test: tested, checkpoint: { path } })) {
      events.push(event)
      if (event.type === 'step' && event.epoch === 2) tested.dispose()
    }
  })
  t.like(gone, { code: 'DISPOSED' })
  t.like(events.at(-1), { type: 'checkpoint', epoch: 1, step: 10, images: 10 }, 'told before the error')
  using saved = await loadModel(path)
  t.like(saved.training, { epoch: 1, step: 10, unfinished: { images: 10 } })
  // With its test set again, the epoch's test is all that is missing of it.
  const rest = await eventsOf(saved, { resume: true, test: data })
  t.deepEqual(rest.filter(({ type }) => type === 'epoch' || type === 'step')[0]?.type, 'epoch')
  using whole = newModel()
  await whole.fit(data, options)
  t.deepEqual(await saved.parameters(), await whole.parameters())
})

test('a file that goes in the middle of an epoch costs no step before it', async t => {
  const folder = await temporaryFolder(t)
  const source = await folderOf(t, inTwoFolders(10))
  const labels = ['even', 'odd']
  const files: { file: string; label: string }[] = []
  for (const label of labels) {
    await mkdir(join(folder, label))
    for (const name of await readdir(join(source, label))) {
      await copyFile(join(source, label, name), join(folder, label, name))
      files.push({ file: join(folder, label, name), label })
    }
  }
  using pictures = await loadDataset(jpegFiles(files), { memory: 9900 })
  const path = await modelPath(t)
  using model = newModel()
  let saved = 0
  const error = await t.throwsAsync(async () => {
    for await (const event of model.train(pictures, { ...options, batchSize: 1, checkpoint: { path } })) {
      if (event.type === 'step' && event.step === 3) await rm(folder, { recursive: true })
      if (event.type === 'checkpoint') saved = event.step
    }
  })
  t.like(error, { code: 'FILE_NOT_FOUND' })
  t.true(saved >= 3)
  using loaded = await loadModel(path)
  t.is(loaded.training?.step, saved)
  t.deepEqual(await loaded.parameters(), await model.parameters())
})

test('a checkpoint that cannot be written any more says so, with the last one, which stays', async t => {
  const path = await modelPath(t)
  using model = newModel()
  const error = await t.throwsAsync(async () => {
    for await (const event of model.train(data, { ...options, checkpoint: { path } })) {
      if (event.type !== 'checkpoint') continue
      // No file can be renamed over a folder.
      await copyFile(path, `${path}.kept`)
      await rm(path)
      await mkdir(join(path, 'in the way'), { recursive: true })
    }
  })
  t.like(error, { code: 'WRITE_FAILED' })
  t.regex(error?.message ?? '', /the last checkpoint, .*a\.model, is of epoch 1/)
  using kept = await loadModel(`${path}.kept`)
  t.is(kept.training?.epoch, 1)
})

test('weights that diverged never replace those of before', async t => {
  const path = await modelPath(t)
  using model = newModel()
  const diverging = { ...options, optimizer: sgd({ learningRate: 1e-30, momentum: 0 }) }
  const schedule = { type: 'step', every: 1, factor: 1e60 } as const
  const error = await failsWith(t, () => model.fit(data, { ...diverging, schedule, checkpoint: { path } }), {
    code: 'NOT_FINITE',
  })
  t.regex(error.message, /the last checkpoint, .*a\.model, is of epoch 1$/)
  using saved = await loadModel(path)
  t.is(saved.training?.epoch, 1)
})

test('a model with a value that is not finite is not written, and the file that was there stays', async t => {
  const path = await modelPath(t)
  using model = newModel()
  await model.fit(data, { epochs: 1, checkpoint: { path } })
  const before = await readFile(path)
  // One step so large that the weights overflow, though loss and gradients were finite.
  const overflowing = {
    epochs: 1,
    batchSize: 10,
    optimizer: sgd({ learningRate: 1e30, momentum: 0, weightDecay: 1e30 }),
  }
  const weights = model.fit(data, { ...overflowing, checkpoint: { path } })
  const error = await failsWith(t, () => weights, { code: 'NOT_FINITE' })
  t.regex(error.message, /^\S+: expected finite values, found/)
  await failsWith(t, () => model.save(path), { code: 'NOT_FINITE', path: error.path ?? '' })
  t.deepEqual(await readFile(path), before)
})

test('a history that could not be read again is not written either', async t => {
  const path = await modelPath(t)
  using model = newModel()
  await model.fit(data, { epochs: 1, checkpoint: { path } })
  const before = await readFile(path)
  model.training!.history[0]!.loss = NaN
  await failsWith(t, () => model.save(path, { optimizer: true }), {
    code: 'INVALID_CHECKPOINT',
    path: 'jpegnet.training.history.0.loss',
  })
  t.deepEqual(await readFile(path), before)
})

/** Its last stage's maps have one pixel of pictures of 32×32. */
const toOnePixel = resnet({
  stages: [
    { blocks: 1, channels: 4, stride: 2 },
    ...Array.from({ length: 4 }, () => ({ blocks: 1, channels: 4, stride: 2 })),
  ],
  classes: 2,
})

test('a last batch of one picture on maps of one pixel leaves a model that can be loaded', async t => {
  for (const storage of ['float32', 'bfloat16'] as const) {
    for (const accumulate of [1, 2]) {
      const path = await modelPath(t)
      using model = createModel(toOnePixel, { seed: 1 })
      const nine = jpegImages(twoClasses.slice(0, 9))
      await model.fit(nine, { epochs: 3, batchSize: 4, accumulate, storage, checkpoint: { path } })
      using loaded = await loadModel(path)
      const variance = (await loaded.parameters()).find(({ name }) => name === 'layer5.0.bn2.running_var')
      t.true(variance?.values.every(value => value > 0 && Number.isFinite(value)))
    }
  }
})

test('batches of one picture alone on maps of one pixel are refused, because nothing could be learned', async t => {
  using model = createModel(toOnePixel, { seed: 1 })
  await failsWith(t, () => model.fit(data, { batchSize: 1, accumulate: 4 }), {
    code: 'INVALID_OPTION',
    path: 'train.batchSize',
    expected: 'at least 2 images a batch, because layer5.0.bn1 normalises maps of one pixel by their batch',
  })
  await t.notThrowsAsync(model.fit(data, { epochs: 1, batchSize: 1, freeze: ['layer5'] }))
})
