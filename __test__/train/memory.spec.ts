/** Trainings and evaluations on data that does not fit into memory, and batches that are made while a step runs. */
import { rm, writeFile } from 'node:fs/promises'
import test, { type ExecutionContext } from 'ava'
import {
  createModel,
  jpegFolder,
  jpegImages,
  loadDataset,
  resnet,
  type JpegFolder,
  type StartEvent,
  type TrainEvent,
  type TrainOptions,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegs, twoClasses } from '../fixtures/pictures.js'

const definition = resnet({ stages: [{ blocks: 1, channels: 4 }], classes: 2 })
const newModel = () => createModel(definition, { seed: 1 })

/** Pictures of about the same size. */
const [even, odd] = [jpegs[1], jpegs[5]] as [Buffer, Buffer]

/** Forty files in two classes. */
async function fortyFiles(t: ExecutionContext): Promise<JpegFolder> {
  const name = (index: number) => `${index % 2 ? 'odd' : 'even'}/${index}.jpg`
  const files = Array.from({ length: 40 }, (_, index) => [name(index), index % 2 ? odd : even])
  return jpegFolder(await folderOf(t, Object.fromEntries(files)))
}

/** A part of the bytes that all pictures take where there is a limit. */
async function partOf(source: Parameters<typeof loadDataset>[0], share: number): Promise<number> {
  using dataset = await loadDataset(source, { memory: '1 GB' })
  return Math.floor(share * dataset.bytes)
}

/** Losses and weights of a training, and what it said at its start. */
async function outcome(source: JpegFolder, options: TrainOptions = {}) {
  using model = newModel()
  const losses: number[] = []
  let start: StartEvent | undefined
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'step') losses.push(event.loss)
    if (event.type === 'start') start = event
  }
  await model.fit(source, { epochs: 3, batchSize: 6, seed: 4, ...options, onEvent })
  return { numbers: { losses, weights: await model.parameters() }, start }
}

test('a training gives the same bits however little memory its pictures may take', async t => {
  const source = await fortyFiles(t)
  const whole = await outcome(source)
  t.like(whole.start, { images: 40, imagesInMemory: 40 })
  for (const share of [0.9, 0.7, 0.55]) {
    const memory = await partOf(source, share)
    const { numbers, start } = await outcome(source, { memory })
    t.true((start?.imagesInMemory ?? 40) < 40 && (start?.dataBytes ?? Infinity) <= memory, `${share} of the memory`)
    t.deepEqual(numbers, whole.numbers, `${share} of the memory`)
  }
})

test('an evaluation gives the same numbers however little memory its pictures may take', async t => {
  const source = await fortyFiles(t)
  using model = newModel()
  const { imagesPerSecond: _, ...whole } = await model.evaluate(source, { batchSize: 7 })
  const memory = await partOf(source, 0.6)
  const { imagesPerSecond: __, ...small } = await model.evaluate(source, { batchSize: 7, memory })
  t.deepEqual(small, whole)
})

test('a limit too small for a batch ends the training before its first step, saying how much is needed', async t => {
  const source = await fortyFiles(t)
  const memory = await partOf(source, 0.6)
  using model = newModel()
  const error = await failsWith(t, () => model.fit(source, { memory, batchSize: 40 }), {
    code: 'INVALID_OPTION',
    path: 'memory',
    expected: 'for what is known of 40 pictures and a batch of 40',
    found: `${memory} bytes`,
  })
  const needed = Number(/at least (\d+) bytes/.exec(error.message)?.[1])
  await t.notThrowsAsync(model.fit(source, { memory: needed, batchSize: 40, epochs: 1 }))
  await failsWith(t, () => model.fit(source, { test: source, memory, batchSize: 1 }), {
    code: 'INVALID_OPTION',
    path: 'memory',
    expected: 'what is known of 40 pictures and a batch of 40',
  })
})

test('a limit for data that is in memory already is refused rather than ignored', async t => {
  using dataset = await loadDataset(jpegImages(twoClasses))
  using model = newModel()
  const expected = 'data that is yet to be read'
  const code = 'INVALID_OPTION'
  await failsWith(t, () => model.fit(dataset, { memory: '1 GB' }), { code, path: 'train.memory', expected })
  await failsWith(t, () => model.evaluate(dataset, { memory: '1 GB' }), { code, path: 'evaluate.memory', expected })
  await t.notThrowsAsync(model.fit(dataset, { memory: '1 GB', test: jpegImages(twoClasses), epochs: 1 }))
})

/** A training in the order of the names, of which picture 20 is not in memory; what `change` does to its file comes first. */
async function trainedUntil(
  t: ExecutionContext,
  change: (path: string) => Promise<void>,
  code: 'FILE_CHANGED' | 'FILE_NOT_FOUND',
) {
  const source = await fortyFiles(t)
  using dataset = await loadDataset(source, { memory: await partOf(source, 0.6) })
  for (let index = 20; index < 60; index++) await dataset.describe(index % 40)
  await dataset.describe(19)
  const path = dataset.files[20] as string
  await change(path)
  using model = newModel()
  const steps: number[] = []
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'step') steps.push(event.step)
  }
  const training = model.fit(dataset, { epochs: 1, batchSize: 5, shuffle: false, onEvent })
  await failsWith(t, () => training, { code, path })
  return { steps, model, dataset }
}

test('a file that is gone is named at the step that needs it, not while the batch before is learned', async t => {
  const { steps } = await trainedUntil(t, path => rm(path), 'FILE_NOT_FOUND')
  t.deepEqual(steps, [1, 2, 3, 4])
})

test('a file that has changed is named at the step that needs it', async t => {
  const { steps } = await trainedUntil(t, path => writeFile(path, jpegs[9] as Buffer), 'FILE_CHANGED')
  t.deepEqual(steps, [1, 2, 3, 4])
})

test('a training that ends before a bad batch it has begun to make leaves nothing unhandled', async t => {
  const unhandled: unknown[] = []
  const listen = (reason: unknown) => unhandled.push(reason)
  process.on('unhandledRejection', listen)
  const source = await fortyFiles(t)
  const dataset = await loadDataset(source, { memory: await partOf(source, 0.6) })
  await rm(source.directory, { recursive: true })
  using model = newModel()
  for (let first = 0; first < 40; first += 5) {
    const controller = new AbortController()
    const onEvent = () => controller.abort()
    const options = { epochs: 9, batchSize: 3, seed: first, signal: controller.signal, onEvent }
    const error = await model.fit(dataset, options).catch((error: unknown) => error)
    t.true(['ABORTED', 'FILE_NOT_FOUND'].includes((error as { code: string }).code), String(error))
  }
  dataset.dispose()
  await new Promise(resolve => setImmediate(resolve))
  process.off('unhandledRejection', listen)
  t.deepEqual(unhandled, [])
})

test('a training that is left has ended its batches: its data set and model can be disposed of at once', async t => {
  const dataset = await loadDataset(await fortyFiles(t))
  const model = newModel()
  for await (const { type } of model.train(dataset, { epochs: 1, batchSize: 4 })) if (type === 'step') break
  dataset.dispose()
  t.notThrows(() => model.dispose())
})

test('a data set that is disposed of during a training ends it with an error', async t => {
  const dataset = await loadDataset(await fortyFiles(t))
  using model = newModel()
  const onEvent = ({ type }: TrainEvent) => {
    if (type === 'step') dataset.dispose()
  }
  await failsWith(t, () => model.fit(dataset, { epochs: 1, batchSize: 4, onEvent }), { code: 'DISPOSED' })
})

test('a training resumed with other memory goes on with the same bits', async t => {
  const source = await fortyFiles(t)
  const options = { epochs: 2, batchSize: 7, seed: 2 }
  using whole = newModel()
  await whole.fit(source, options)
  using parts = newModel()
  const controller = new AbortController()
  let steps = 0
  const onEvent = ({ type }: TrainEvent) => {
    if (type === 'step' && ++steps === 8) controller.abort()
  }
  await failsWith(t, () => parts.fit(source, { ...options, signal: controller.signal, onEvent }), { code: 'ABORTED' })
  await parts.fit(source, { resume: true, memory: await partOf(source, 0.6) })
  t.is(steps, 8)
  t.deepEqual(await parts.parameters(), await whole.parameters())
})
