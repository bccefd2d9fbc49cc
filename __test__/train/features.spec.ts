/** A frozen body's features, computed once: the same training, without running the body in every epoch. */
import { join } from 'node:path'
import test from 'ava'
import {
  cifarResnet,
  createModel,
  jpegImages,
  loadModel,
  readSafetensors,
  randomHorizontalFlip,
  type EpochEvent,
  type Model,
  type TrainEvent,
  type TrainOptions,
} from '../../src-ts/index.js'
import { allTensors } from '../fixtures/training.js'
import { temporaryFolder, twoClasses } from '../fixtures/pictures.js'

const data = jpegImages(twoClasses)
const body = ['conv1', 'bn1', 'layer*']
const options = { epochs: 3, batchSize: 4, freeze: body, seed: 2, test: data } satisfies TrainOptions

const started = () => createModel(cifarResnet(20, { classes: 2 }), { seed: 7 })

async function events(model: Model, given: TrainOptions): Promise<TrainEvent[]> {
  const all: TrainEvent[] = []
  for await (const event of model.train(data, given)) all.push(event)
  return all
}

const results = (all: readonly TrainEvent[]) =>
  all
    .filter(event => event.type === 'epoch')
    .map(({ loss, accuracy, test }: EpochEvent) => ({ loss, accuracy, right: test?.correct }))

test('a head on stored features learns what it learns on the pictures, to the bit', async t => {
  using byFeatures = started()
  using byPictures = started()
  const stored = await events(byFeatures, options)
  // A flip that happens in no epoch but might: features are not stored.
  const computed = await events(byPictures, { ...options, augment: [randomHorizontalFlip({ probability: 1e-12 })] })
  t.is(stored.filter(({ type }) => type === 'features').length, 2)
  t.is(computed.filter(({ type }) => type === 'features').length, 0)
  t.deepEqual(results(stored), results(computed))
  t.deepEqual(await byFeatures.parameters(), await byPictures.parameters())
})

test('features tell how far they have come, and are not stored where the body learns or moves', async t => {
  using model = started()
  const told = (await events(model, options)).filter(event => event.type === 'features')
  t.deepEqual(told, [
    { type: 'features', set: 'train', done: 10, total: 10 },
    { type: 'features', set: 'test', done: 10, total: 10 },
  ])
  for (const other of [{ freeze: ['conv1'] }, { freezeStatistics: false }]) {
    const all = await events(model, { ...options, ...other })
    t.false(all.some(({ type }) => type === 'features'))
  }
})

test('a training on stored features that is interrupted and resumed is one that was not', async t => {
  const path = join(await temporaryFolder(t), 'a.model')
  const whole = started()
  await events(whole, { ...options, average: {}, clip: { norm: 1 }, labelSmoothing: 0.1 })
  const half = started()
  const given = { ...options, average: {}, clip: { norm: 1 }, labelSmoothing: 0.1 }
  for await (const event of half.train(data, { ...given, checkpoint: { path, everySteps: 2 } })) {
    if (event.type === 'checkpoint' && event.step === 4) break
  }
  const resumed = await loadModel(path)
  const { epochs, test } = options
  await events(resumed, { epochs, test, resume: true })
  t.deepEqual(await resumed.parameters(), await whole.parameters())
  for (const model of [whole, half, resumed]) model.dispose()
})

test('a file has what does not learn once, whichever weights are kept, and its training resumes to the bit', async t => {
  const path = join(await temporaryFolder(t), 'a.model')
  for (const kept of [{ keepBest: 'accuracy' }, { keepBest: 'loss', average: {} }, { average: {} }] as const) {
    using whole = started()
    await events(whole, { ...options, ...kept })
    using half = started()
    for await (const event of half.train(data, { ...options, ...kept, checkpoint: { path, everySteps: 2 } })) {
      if (event.type === 'checkpoint' && event.step === 4) break
    }
    const { tensors } = await readSafetensors(path)
    const kind = ({ name }: { name: string }) => /^optimizer\.(live|average|best)\.(?!updates)/.test(name)
    const others = tensors.filter(kind)
    t.true(others.length > 0)
    for (const { name, shape } of others) if (!name.includes('.linear.')) t.deepEqual(shape, [0], name)
    t.true(others.some(({ name, shape }) => name.endsWith('.linear.weight') && shape.length === 2))
    for (const { name, shape } of tensors) {
      if (/velocity|moment/.test(name) && !name.includes('.linear.')) t.deepEqual(shape, [0], name)
    }
    using resumed = await loadModel(path)
    const { epochs, test } = options
    await events(resumed, { epochs, test, resume: true })
    t.deepEqual(await allTensors(t, resumed), await allTensors(t, whole))
    for (const weights of ['live', ...('average' in kept ? ['average'] : []), ...('keepBest' in kept ? ['best'] : [])])
      t.deepEqual(
        await resumed.parameters({ weights: weights as 'live' }),
        await whole.parameters({ weights: weights as 'live' }),
      )
  }
})
