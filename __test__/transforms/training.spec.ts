/** Trainings on pictures that are changed at random and mixed. */
import test from 'ava'
import {
  adam,
  colorJitter,
  cutMix,
  cutout,
  jpegImages,
  loadDataset,
  loadModel,
  mixup,
  randomCrop,
  randomErasing,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  randomRightAngle,
  type CheckpointEvent,
  type StartEvent,
  type TrainEvent,
  type TrainOptions,
} from '../../src-ts/index.js'
import { jpegs, twoClasses } from '../fixtures/pictures.js'
import { abortAt, allTensors, data, eventsOf, modelPath, newModel } from '../fixtures/training.js'

/** Everything that is drawn; five steps an epoch, of two batches each, the last of one. */
const everything: TrainOptions = {
  epochs: 2,
  batchSize: 1,
  accumulate: 2,
  seed: 5,
  optimizer: adam({ learningRate: 0.01 }),
  augment: [
    randomResizedCrop(36),
    randomCrop(32, { padding: 2, mode: 'reflect' }),
    randomHorizontalFlip(),
    randomRightAngle(),
    colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4 }),
    randomGrayscale(),
    randomErasing(),
    cutout(4),
  ],
  mix: [mixup(), cutMix({ probability: 0.7 })],
  average: { decay: 0.9 },
  test: data,
}

const startOf = (events: TrainEvent[]) => events.find((event): event is StartEvent => event.type === 'start')
const lossesOf = (events: TrainEvent[]) => events.flatMap(event => (event.type === 'step' ? [event.loss] : []))

test('interrupted after any step, a training on drawn and mixed pictures ends with the bits of one that was not', async t => {
  using whole = newModel()
  const path = await modelPath(t)
  const checkpoint = { path, everySteps: 1 }
  const events = await eventsOf(whole, { ...everything, checkpoint })
  const every = events.filter((event): event is CheckpointEvent => event.type === 'checkpoint')
  const expected = await allTensors(t, whole)
  t.is(every.length, 10)
  for (const { step } of every.slice(0, -1)) {
    using first = newModel()
    await abortAt(t, first, { ...everything, checkpoint }, event => event.type === 'checkpoint' && event.step === step)
    using second = await loadModel(path)
    const resumed = await eventsOf(second, { resume: true, test: data })
    t.deepEqual(lossesOf(resumed), lossesOf(events).slice(step), `interrupted after step ${step}`)
    t.deepEqual(await allTensors(t, second), expected, `interrupted after step ${step}`)
  }
})

test('the same seed gives the same training, another one another', async t => {
  const losses = async (options: TrainOptions) => {
    using model = newModel()
    return lossesOf(await eventsOf(model, { ...everything, shuffle: false, ...options }))
  }
  const first = await losses({})
  t.deepEqual(await losses({}), first)
  t.notDeepEqual(await losses({ seed: 6 }), first)
  t.notDeepEqual(await losses({ mix: [] }), first)
  t.notDeepEqual(await losses({ augment: [] }), first)
})

test('every epoch sees pictures of its own', async t => {
  using model = newModel()
  const still: TrainOptions = { epochs: 3, batchSize: 10, shuffle: false, optimizer: adam({ learningRate: 0 }) }
  const losses = lossesOf(await eventsOf(model, { ...still, augment: [randomResizedCrop(32)] }))
  t.is(new Set(losses).size, 3, `${losses}`)
})

test('results do not depend on a limit of memory', async t => {
  const pictures = Array.from({ length: 40 }, (_, index) => twoClasses[index % 10]!)
  const source = jpegImages(pictures)
  using dataset = await loadDataset(source, { memory: '1 GB' })
  const trained = async (memory: number | string) => {
    using model = newModel()
    const options: TrainOptions = { ...everything, test: undefined, memory: memory as number }
    const events = await eventsOf(model, options, source)
    return { start: startOf(events), losses: lossesOf(events), tensors: await allTensors(t, model) }
  }
  const whole = await trained('1 GB')
  const part = await trained(Math.floor(0.5 * dataset.bytes))
  t.is(whole.start?.imagesInMemory, 40)
  t.true((part.start?.imagesInMemory ?? 40) < 40)
  t.deepEqual(part.losses, whole.losses)
  t.deepEqual(part.tensors, whole.tensors)
})

test('a checkpoint keeps augmentations and mixing, and what differs is told', async t => {
  const path = await modelPath(t)
  using model = newModel()
  await model.fit(data, { ...everything, epochs: 1, checkpoint: { path } })
  using loaded = await loadModel(path)
  t.deepEqual(loaded.training?.settings.augment, everything.augment)
  t.deepEqual(loaded.training?.settings.mix, everything.mix)
  const events = await eventsOf(loaded, { resume: true, epochs: 2, augment: [], mix: [cutMix()], test: data })
  t.deepEqual(
    startOf(events)?.changed.map(text => text.split(' ')[0]),
    ['epochs', 'augment', 'mix'],
  )
  t.deepEqual(loaded.training?.settings.augment, [])
})

test('the start tells how many pictures are not of the model’s size', async t => {
  using model = newModel()
  t.like(startOf(await eventsOf(model, { epochs: 1 })), { ofOtherSize: 0 })
  const cut = jpegs
    .slice(0, 3)
    .map((jpeg, index) => ({ jpeg: withHeight(jpeg, 31), label: index % 2 ? 'odd' : 'even' }))
  const start = startOf(
    await eventsOf(model, { epochs: 1, test: jpegImages(cut) }, jpegImages([...twoClasses, ...cut])),
  )
  t.like(start, { images: 13, ofOtherSize: 3, testOfOtherSize: 3 })
})

/** The same file, of which rows are left out at the end of its last blocks. */
function withHeight(jpeg: Buffer, height: number): Buffer {
  const changed = Buffer.from(jpeg)
  for (let at = 2; at < changed.length;) {
    const marker = changed[at + 1] as number
    if (marker >= 0xc0 && marker <= 0xc2) {
      changed.writeUInt16BE(height, at + 5)
      return changed
    }
    at += 2 + changed.readUInt16BE(at + 2)
  }
  throw new Error('no frame')
}
