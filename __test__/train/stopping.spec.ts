/** Early stopping: when, why, and with which weights. */
import test from 'ava'
import { jpegImages, loadModel, sgd, type StopEvent, type TrainEvent, type TrainOptions } from '../../src-ts/index.js'
import { bestOf } from '../../src-ts/train/best.js'
import { failsWith } from '../fixtures/modelError.js'
import { twoClasses } from '../fixtures/pictures.js'
import { abortAt, allTensors, data, eventsOf, modelPath, newModel } from '../fixtures/training.js'

/** Its labels are the others', so that learning makes it worse. */
const opposite = jpegImages(twoClasses.map(image => ({ ...image, label: image.label === 'odd' ? 'even' : 'odd' })))
const options: TrainOptions = {
  epochs: 12,
  batchSize: 5,
  optimizer: sgd({ learningRate: 0.02 }),
  test: opposite,
  earlyStopping: { patience: 3 },
}

const stopOf = (events: TrainEvent[]) => events.find((event): event is StopEvent => event.type === 'stop')

test('a training ends when the test set got no better for long enough, with the best weights, and says so', async t => {
  using model = newModel()
  const path = await modelPath(t)
  const weights: unknown[] = []
  const events: TrainEvent[] = []
  for await (const event of model.train(data, { ...options, checkpoint: { path } })) {
    events.push(event)
    if (event.type === 'epoch') weights.push(await model.parameters())
  }
  const losses = events.flatMap(event => (event.type === 'epoch' ? [event.test?.loss ?? NaN] : []))
  const stop = stopOf(events)
  const best = losses.indexOf(Math.min(...losses))
  t.like(stop, { reason: 'patience', metric: 'loss', restored: true, best: { epoch: best + 1, value: losses[best] } })
  t.is(stop?.epoch, losses.length)
  t.is(losses.length, best + 1 + 3)
  t.true(losses.length < 12)
  t.deepEqual(await model.parameters(), weights[best])
  t.deepEqual(await model.parameters({ weights: 'live' }), weights.at(-1))
  t.deepEqual(
    events.slice(-2).map(({ type }) => type),
    ['stop', 'checkpoint'],
  )
  using loaded = await loadModel(path)
  t.deepEqual(await loaded.parameters(), weights[best], 'the file is the best model')
})

test('the last weights are kept if asked for', async t => {
  using model = newModel()
  const stop = stopOf(await eventsOf(model, { ...options, earlyStopping: { patience: 3, restoreBest: false } }))
  t.like(stop, { reason: 'patience', restored: false })
  t.deepEqual(await model.parameters(), await model.parameters({ weights: 'live' }))
  await failsWith(t, () => model.parameters({ weights: 'best' }), { code: 'INVALID_OPTION' })
})

test('a training that does not stop early ends with its best weights too', async t => {
  using model = newModel()
  const { stop } = await model.fit(data, { ...options, epochs: 3, earlyStopping: { patience: 100 } })
  t.like(stop, { reason: 'epochs', epoch: 3, restored: true })
  t.is(stop?.best.value, (await model.evaluate(opposite)).loss)
})

test('better is better by more than the least difference, in either metric', t => {
  const result = (epoch: number, loss: number, accuracy: number) => {
    const test = { images: 1, correct: 1, imagesPerSecond: 1, loss, accuracy }
    return { epoch, loss, accuracy, imagesPerSecond: 1, seconds: 1, test }
  }
  const loss = { minDelta: 0.1, metric: 'loss', keep: true, lossDecides: false } as const
  const accuracy = { ...loss, metric: 'accuracy' } as const
  const best = { epoch: 1, value: 0.5 }
  t.deepEqual(bestOf(undefined, result(1, 0.5, 0.2), loss, []), best)
  t.is(bestOf(best, result(2, 0.4, 0.9), loss, []), best)
  t.deepEqual(bestOf(best, result(2, 0.39, 0.9), loss, []), { epoch: 2, value: 0.39 })
  t.is(bestOf(best, result(2, 0, 0.6), accuracy, []), best)
  t.deepEqual(bestOf(best, result(2, 9, 0.7), accuracy, []), { epoch: 2, value: 0.7 })
  const ties = { ...accuracy, minDelta: 0, lossDecides: true }
  t.is(bestOf(best, result(2, 0.3, 0.5), ties, [result(1, 0.2, 0.5)]), best, 'as many right, of more loss')
  t.deepEqual(bestOf(best, result(2, 0.1, 0.5), ties, [result(1, 0.2, 0.5)]), { epoch: 2, value: 0.5 })
  t.is(bestOf(best, { ...result(2, 0, 1), test: undefined }, ties, []), best, 'not tested')
})

test('the accuracy decides if asked for', async t => {
  using model = newModel()
  const events = await eventsOf(model, { ...options, earlyStopping: { patience: 2, metric: 'accuracy' } })
  const accuracies = events.flatMap(event => (event.type === 'epoch' ? [event.test?.accuracy ?? NaN] : []))
  const best = Math.max(...accuracies)
  t.like(stopOf(events), { metric: 'accuracy', best: { epoch: accuracies.indexOf(best) + 1, value: best } })
})

for (const [name, average] of [
  ['without an average', false],
  ['with an average', { decay: 0.8 }],
] as const) {
  test(`interrupted after any epoch, a training stops where it would have, with the same bits: ${name}`, async t => {
    using whole = newModel()
    const events = await eventsOf(whole, { ...options, average })
    const stop = stopOf(events)
    const expected = await allTensors(t, whole)
    for (let epoch = 1; epoch < (stop?.epoch ?? 0); epoch++) {
      const path = await modelPath(t)
      using first = newModel()
      const at = (event: TrainEvent) => event.type === 'checkpoint' && event.epoch === epoch
      await abortAt(t, first, { ...options, average, checkpoint: { path } }, at)
      using second = await loadModel(path)
      t.deepEqual(stopOf(await eventsOf(second, { resume: true, test: opposite })), stop)
      t.deepEqual(await allTensors(t, second), expected)
    }
  })

  test(`with more patience a stopped training goes on as if it had never stopped: ${name}`, async t => {
    const patient = { ...options, average, earlyStopping: { patience: 5 } }
    using whole = newModel()
    await whole.fit(data, patient)
    const path = await modelPath(t)
    using stopped = newModel()
    await stopped.fit(data, { ...options, average, checkpoint: { path } })
    using loaded = await loadModel(path)
    for (const model of [stopped, loaded]) {
      await model.fit(data, { resume: true, test: opposite, earlyStopping: { patience: 5 } })
      t.deepEqual(await allTensors(t, model), await allTensors(t, whole))
      t.deepEqual(
        model.training?.history.map(({ loss }) => loss),
        whole.training?.history.map(({ loss }) => loss),
      )
    }
  })
}

test('a stopped training has nothing to resume, says why again and stays as it is', async t => {
  using model = newModel()
  const stop = stopOf(await eventsOf(model, options))
  const before = await allTensors(t, model)
  const events = await eventsOf(model, { resume: true, test: opposite })
  t.deepEqual(
    events.filter(({ type }) => type !== 'data').map(({ type }) => type),
    ['start', 'stop'],
  )
  t.deepEqual(stopOf(events), stop)
  t.deepEqual(await allTensors(t, model), before)
})

test('another metric than the checkpoint has looks for the best epoch anew, and says so', async t => {
  using model = newModel()
  await model.fit(data, { ...options, epochs: 2 })
  const earlyStopping = { patience: 3, metric: 'accuracy' } as const
  const events = await eventsOf(model, { resume: true, epochs: 4, test: opposite, earlyStopping })
  const [start] = events.filter(event => event.type === 'start')
  t.true(start?.changed.includes('the best epoch is looked for anew'))
  t.true((stopOf(events)?.best.epoch ?? 0) > 2)
})

test('turned off, a resumed training goes on to its last epoch and forgets the best weights', async t => {
  using model = newModel()
  await model.fit(data, { ...options, epochs: 20 })
  const events = await eventsOf(model, { resume: true, earlyStopping: false, epochs: 15 })
  t.is(stopOf(events), undefined)
  t.is(model.training?.epoch, 15)
  await failsWith(t, () => model.parameters({ weights: 'best' }), { code: 'INVALID_OPTION' })
})

test('the best weights are kept without patience, those of each step as well, and both epochs are told', async t => {
  using model = newModel()
  const path = await modelPath(t)
  const weights: unknown[] = []
  const events: TrainEvent[] = []
  const { earlyStopping: _, ...others } = options
  for await (const event of model.train(data, { ...others, epochs: 12, keepBest: 'loss', checkpoint: { path } })) {
    events.push(event)
    if (event.type === 'epoch') weights.push(await model.parameters())
    if (event.type === 'checkpoint') {
      using saved = await loadModel(path)
      const best = event.best?.epoch ?? NaN
      t.deepEqual(
        await saved.parameters(),
        weights[best - 1],
        `the file's model after epoch ${event.epoch} is the best`,
      )
      t.is(saved.trained?.test?.epoch, best)
      t.deepEqual(await saved.parameters({ weights: best === event.epoch ? 'best' : 'live' }), weights.at(-1))
    }
  }
  const losses = events.flatMap(event => (event.type === 'epoch' ? [event.test?.loss ?? NaN] : []))
  const best = losses.indexOf(Math.min(...losses))
  t.true(best < 11, 'learning the opposite makes it worse')
  t.like(stopOf(events), {
    reason: 'epochs',
    best: { epoch: best + 1, value: losses[best] },
    last: { epoch: 12, value: losses[11] },
    restored: true,
  })
  t.deepEqual(await model.parameters(), weights[best])
})

test('interrupted within any epoch, a training that keeps the best ends with the bits of one that was not', async t => {
  const { earlyStopping: _, ...others } = options
  const keeping: TrainOptions = { ...others, epochs: 3, keepBest: 'accuracy', average: { decay: 0.8 } }
  using whole = newModel()
  await whole.fit(data, keeping)
  const expected = await allTensors(t, whole)
  for (const step of [1, 2, 3, 4, 5]) {
    const path = await modelPath(t)
    using first = newModel()
    let steps = 0
    const at = (event: TrainEvent) => event.type === 'step' && (steps += 1) === step
    await abortAt(t, first, { ...keeping, checkpoint: { path } }, at)
    using second = await loadModel(path)
    t.is(second.training?.step, step)
    await second.fit(data, { resume: true, test: opposite })
    t.deepEqual(await allTensors(t, second), expected, `interrupted after step ${step}`)
  }
})

test('the best epoch needs pictures to test on', async t => {
  using model = newModel()
  await failsWith(t, () => model.fit(data, { keepBest: 'accuracy' }), {
    code: 'INVALID_OPTION',
    path: 'train.test',
    expected: 'images to find the best epoch by',
  })
  await failsWith(t, () => model.fit(data, { keepBest: 'f1' as never, test: data }), {
    code: 'INVALID_OPTION',
    path: 'train.keepBest',
  })
})

test('early stopping needs pictures to test on', async t => {
  using model = newModel()
  await failsWith(t, () => model.fit(data, { earlyStopping: { patience: 1 } }), {
    code: 'INVALID_OPTION',
    path: 'train.test',
    expected: 'images to stop early on',
  })
})

for (const [earlyStopping, path] of [
  [{ patience: 0 }, 'train.earlyStopping.patience'],
  [{}, 'train.earlyStopping.patience'],
  [{ patience: 1, minDelta: -1 }, 'train.earlyStopping.minDelta'],
  [{ patience: 1, metric: 'f1' }, 'train.earlyStopping.metric'],
  [{ patience: 1, wait: 2 }, 'train.earlyStopping.wait'],
  [true, 'train.earlyStopping'],
] as const) {
  test(`early stopping by ${JSON.stringify(earlyStopping)} is refused`, async t => {
    using model = newModel()
    await failsWith(t, () => model.fit(data, { test: data, earlyStopping: earlyStopping as never }), {
      code: 'INVALID_OPTION',
      path,
    })
  })
}
