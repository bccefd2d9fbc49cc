/** What a training will take of memory, and what is said of one that would not fit. */
import test from 'ava'
import { createModel, paperResnet, sgd, type TrainOptions } from '../../src-ts/index.js'
import { availableBytes } from '../../src-ts/train/available.js'
import { failsWith } from '../fixtures/modelError.js'
import { data, modelPath } from '../fixtures/training.js'

const newModel = () => createModel(paperResnet({ classes: 2 }), { seed: 1 })
const options: TrainOptions = { epochs: 1, batchSize: 10, optimizer: sgd() }

test('the parts of the memory of a training add up, and less is less', async t => {
  using model = newModel()
  const { test: _, ...given } = options
  const memory = await model.trainingMemory(given, { images: 10 })
  const { total, ...parts } = memory
  t.is(
    Object.values(parts).reduce((sum, bytes) => sum + bytes, 0),
    total,
  )
  t.deepEqual([memory.copies, memory.test], [0, 0])
  t.is(memory.weights, 4 * model.parameterCount + 8 * (16 + 16 + 16 + 32 + 32 + 32 + 64 + 64 + 64))
  const larger = await model.trainingMemory({ ...given, batchSize: 1000 })
  t.true(larger.total > 20 * total, `${larger.total}`)
  const narrow = await model.trainingMemory({ ...given, batchSize: 1000, storage: 'bfloat16' })
  t.true(narrow.maps < 0.8 * larger.maps)
  const tested = await model.trainingMemory({ ...given, keepBest: 'loss', average: {} }, { images: 10, tested: 10 })
  t.is(tested.copies, 2 * memory.weights)
  t.true(tested.test > 0)
  t.true(Number.isFinite((await model.trainingMemory({ batchSize: 2 ** 31 - 1, accumulate: 1000 })).total))
  await failsWith(t, () => model.trainingMemory({ batchSize: 2 ** 31 }), {
    code: 'INVALID_OPTION',
    path: 'train.batchSize',
  })
  await failsWith(t, () => model.trainingMemory({ batchSize: 0 }), { code: 'INVALID_OPTION', path: 'train.batchSize' })
})

test('a training that would not fit is refused before its first step, with numbers and settings that fit', async t => {
  using model = newModel()
  const { total } = await model.trainingMemory(options, { images: 10 })
  const availableMemory = Math.floor(0.7 * total)
  const path = await modelPath(t)
  const error = await failsWith(t, () => model.fit(data, { ...options, availableMemory, checkpoint: { path } }), {
    code: 'OUT_OF_MEMORY',
    path: 'memory',
  })
  t.is(model.training, undefined)
  t.regex(
    error.message,
    /^memory: expected a training that takes at most [\d.]+ MB, found one that takes [\d.]+ MB \(feature maps /,
  )
  t.regex(error.message, /by batches of 10 images of 32×32, float32; what would fit: a batch size of \d+/)
  const [, batch] = /what would fit: a batch size of (\d+) \(accumulate \d for/.exec(error.message) ?? []
  const batchSize = Number(batch)
  await t.notThrowsAsync(model.fit(data, { ...options, batchSize, availableMemory }))
  await failsWith(t, () => newModel().fit(data, { ...options, batchSize: batchSize + 1, availableMemory }), {
    code: 'OUT_OF_MEMORY',
  })
  const [, width, height] = /images of (\d+)×(\d+)$/.exec(error.message) ?? []
  using smaller = createModel(paperResnet({ classes: 2, width: Number(width), height: Number(height) }))
  t.true((await smaller.trainingMemory(options, { images: 10 })).total <= availableMemory)
})

test('what no batch would fit in is said so', async t => {
  using model = newModel()
  const error = await failsWith(t, () => model.fit(data, { ...options, availableMemory: '1 kB' }), {
    code: 'OUT_OF_MEMORY',
  })
  t.regex(error.message, /no batch of this network would fit$/)
})

test('a process may take some memory, and no more than the machine has', async t => {
  const bytes = await availableBytes()
  t.true(bytes > 1e6 && bytes < 1e15, `${bytes}`)
})
