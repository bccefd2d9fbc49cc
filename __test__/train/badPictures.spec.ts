/** Pictures that turn out bad only when they are used: they cost no epoch. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import sharp from 'sharp'
import {
  createModel,
  jpegFolder,
  loadDataset,
  paperResnet,
  randomCrop,
  resize,
  type OnBadFile,
  type TrainEvent,
  type TrainOptions,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, inTwoFolders } from '../fixtures/pictures.js'

const thin = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'red' } })
    .jpeg()
    .toBuffer()

/** A folder of twelve pictures and two that are too thin for a resize. */
async function withThinOnes(t: ExecutionContext) {
  const [high, wide] = [await thin(1, 2100), await thin(65_500, 1)]
  return folderOf(t, { ...inTwoFolders(12), 'odd/high.jpg': high, 'even/wide.jpg': wide })
}

const network = () => createModel(paperResnet({ classes: 2, transform: [resize(32)] }), { seed: 1 })
const quick: TrainOptions = { epochs: 2, batchSize: 4, seed: 1 }

async function events(training: AsyncIterable<TrainEvent>): Promise<TrainEvent[]> {
  const all: TrainEvent[] = []
  for await (const event of training) all.push(event)
  return all
}

test('pictures that no transform fits are refused before the first step, by name', async t => {
  const [good, bad] = [await folderOf(t, inTwoFolders(12)), await withThinOnes(t)]
  using model = network()
  const all: TrainEvent[] = []
  const training = async () => {
    for await (const event of model.train(jpegFolder(good), { ...quick, test: jpegFolder(bad) })) all.push(event)
  }
  const error = await failsWith(t, training, { code: 'SIZE_MISMATCH', message: '2 files cannot be used' })
  for (const name of ['odd/high.jpg', 'even/wide.jpg']) t.true(error.message.includes(join(bad, name)), error.message)
  t.false(all.some(({ type }) => type === 'step'))
  await failsWith(t, () => model.evaluate(jpegFolder(bad)), { code: 'SIZE_MISMATCH' })
})

test('they are left out and named if bad files are skipped, of what is learned and of what is tested on', async t => {
  const folder = await withThinOnes(t)
  using model = network()
  const names = [join(folder, 'even/wide.jpg'), join(folder, 'odd/high.jpg')]
  const source = jpegFolder(folder, { onError: 'skip' })
  const augment = [resize(32), randomCrop(32)]
  const all = await events(model.train(source, { ...quick, augment, test: source }))
  const start = all.find(event => event.type === 'start')
  t.is(start?.images, 12)
  t.deepEqual(
    start?.skipped.map(({ file }) => file),
    [...names, ...names],
  )
  t.regex(start?.skipped[0]?.reason ?? '', /expected a picture of at most \d+×1 pixels, found 65500×1/)
  t.deepEqual(
    all.filter(event => event.type === 'epoch').map(({ test }) => test?.images),
    [12, 12],
  )
  const evaluation = await model.evaluate(source)
  t.is(evaluation.images, 12)
  t.deepEqual(
    evaluation.skipped.map(({ file }) => file),
    names,
  )
  // A data set that was read before is left as it was.
  using dataset = await loadDataset(source)
  t.is((await model.evaluate(dataset)).images, 12)
  t.is(dataset.length, 14)
})

const many = inTwoFolders(60)

/** A data set of files of which some are not in memory, so that they are read again. */
async function forgetful(t: ExecutionContext, onError: OnBadFile) {
  const folder = await folderOf(t, many)
  using whole = await loadDataset(jpegFolder(folder))
  const dataset = await loadDataset(jpegFolder(folder, { onError }), { memory: Math.floor(0.7 * whole.bytes) })
  t.teardown(() => dataset.dispose())
  t.true(dataset.inMemory < 50, `${dataset.inMemory} are in memory`)
  return { folder, dataset }
}

test('files that vanish or change later are left out of their batches and named', async t => {
  const { folder, dataset } = await forgetful(t, 'skip')
  const gone = Object.keys(many).map(file => join(folder, file))
  for (const [at, file] of gone.entries()) await (at % 2 ? rm(file) : writeFile(file, 'no picture'))
  using model = network()
  for (const batchSize of [1, 4]) {
    const all = await events(model.train(dataset, { ...quick, batchSize }))
    const lost = new Set(
      all.filter(event => event.type === 'lost').flatMap(({ files }) => files.map(({ file }) => file)),
    )
    t.true(lost.size > 0 && lost.size < gone.length && [...lost].every(file => gone.includes(file)))
    const epochs = all.filter(event => event.type === 'epoch')
    t.is(epochs.length, 2)
    t.true(epochs.every(({ loss, accuracy }) => loss > 0 && loss < 10 && accuracy <= 1))
  }
  const evaluation = await model.evaluate(dataset, { batchSize: 4 })
  t.is(evaluation.images + evaluation.skipped.length, dataset.length)
  t.true(evaluation.skipped.length > 0 && evaluation.skipped.every(({ file }) => gone.includes(file)))
  const { skipped } = await model.fit(dataset, quick)
  t.is(new Set(skipped.map(({ file }) => file)).size, skipped.length)
})

test('they end a training that skips nothing', async t => {
  const { folder, dataset } = await forgetful(t, 'error')
  for (const file of Object.keys(many)) await rm(join(folder, file))
  using model = network()
  await failsWith(t, () => events(model.train(dataset, quick)), { code: 'FILE_NOT_FOUND' })
})
