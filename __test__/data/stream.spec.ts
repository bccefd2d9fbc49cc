/** Pictures that come one after the other: how far ahead they are read, and how reading ends. */
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import test from 'ava'
import { jpegImages, jpegStream, loadDataset, type DataEvent, type LabelledImage } from '../../src-ts/index.js'
import { pictureStream } from '../fixtures/archive.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegs, twoClasses } from '../fixtures/pictures.js'
import { definition, newModel } from '../fixtures/training.js'

const [jpeg] = jpegs as [Buffer]

test('a stream gives the same data set as its pictures in memory', async t => {
  const { images, state } = pictureStream(700)
  using streamed = await loadDataset(jpegStream(images))
  const all: LabelledImage[] = []
  for await (const image of pictureStream(700).images) all.push(image)
  using expected = await loadDataset(jpegImages(all))
  t.deepEqual(streamed.files, expected.files)
  t.deepEqual(streamed.labels, expected.labels)
  t.deepEqual(streamed.classes, expected.classes)
  for (const index of [0, 255, 256, 699]) t.deepEqual(await streamed.describe(index), await expected.describe(index))
  t.deepEqual(state, { given: 700, returned: true })
})

test('any iterable is a stream: an array, a Readable, a web stream; names are numbers unless given', async t => {
  const sources = [twoClasses, Readable.from(twoClasses), Readable.toWeb(Readable.from(twoClasses))]
  for (const source of sources) {
    using dataset = await loadDataset(jpegStream(source as Iterable<LabelledImage>))
    t.deepEqual([dataset.length, dataset.classes, dataset.source], [10, ['even', 'odd'], 'jpegStream'])
    t.is(dataset.files[3], 'image 3')
  }
})

test('progress is told without an end', async t => {
  const events: DataEvent[] = []
  using _ = await loadDataset(jpegStream(pictureStream(600).images), { onProgress: event => events.push(event) })
  t.deepEqual(
    events.map(({ done, total }) => [done, total]),
    [
      [256, undefined],
      [512, undefined],
      [600, undefined],
    ],
  )
})

test('a stream is read no faster than its pictures are decoded', async t => {
  const { images, state } = pictureStream(3000)
  const ahead: number[] = []
  using _ = await loadDataset(jpegStream(images), { onProgress: ({ done }) => ahead.push(state.given - done) })
  t.true(Math.max(...ahead) <= 257, `${ahead.join()} files ahead of those decoded`)
})

test('large files are gathered in smaller numbers', async t => {
  const large = Buffer.concat([jpeg, new Uint8Array(2 ** 23)])
  const events: DataEvent[] = []
  const images = Array.from({ length: 8 }, (_, index) => ({ jpeg: large, label: `${index % 2}` }))
  using _ = await loadDataset(jpegStream(images), { onProgress: event => events.push(event) })
  t.deepEqual(
    events.map(({ done }) => done),
    [4, 8],
  )
})

test("the stream's own error is thrown as it is, and its return is not called on top", async t => {
  const failure = new RangeError('the database went away')
  let returned = false
  const source = {
    [Symbol.asyncIterator]: () => ({
      count: 0,
      async next() {
        if (this.count++ === 300) throw failure
        return { done: false as const, value: { jpeg, label: 'a' } }
      },
      async return() {
        returned = true
        return { done: true as const, value: undefined }
      },
    }),
  }
  t.is(await t.throwsAsync(() => loadDataset(jpegStream(source))), failure)
  t.false(returned)
  const sync = {
    [Symbol.iterator]: () => ({
      next(): IteratorResult<LabelledImage> {
        throw failure
      },
    }),
  }
  t.is(await t.throwsAsync(() => loadDataset(jpegStream(sync))), failure)
})

test('an abort ends the reading between two pictures and returns the stream', async t => {
  const { images, state } = pictureStream(5000)
  const controller = new AbortController()
  const reason = new Error('enough')
  const error = await failsWith(
    t,
    () => loadDataset(jpegStream(images), { signal: controller.signal, onProgress: () => controller.abort(reason) }),
    { code: 'ABORTED' },
  )
  t.is(error.cause, reason)
  t.true(state.returned && state.given < 1000, `${state.given} given`)
})

test('a listener that throws ends the reading and returns the stream', async t => {
  const { images, state } = pictureStream(5000)
  const failure = new Error('the listener gave up')
  const onProgress = () => {
    throw failure
  }
  t.is(await t.throwsAsync(() => loadDataset(jpegStream(images), { onProgress })), failure)
  t.true(state.returned && state.given < 1000, `${state.given} given`)
})

test('an abort ends the waiting for a picture that never comes', async t => {
  let returned = false
  const stalled = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<LabelledImage>>(() => undefined),
      async return() {
        returned = true
        return { done: true as const, value: undefined }
      },
    }),
  }
  const readable = new Readable({ objectMode: true, read: () => undefined })
  let cancelled = false
  const web = new ReadableStream<LabelledImage>({ cancel: () => void (cancelled = true) })
  for (const source of [stalled, readable, web] as AsyncIterable<LabelledImage>[]) {
    const controller = new AbortController()
    const loading = loadDataset(jpegStream(source), { signal: controller.signal })
    await wait(5)
    controller.abort()
    await failsWith(t, () => loading, { code: 'ABORTED' })
  }
  while (!(returned && readable.destroyed && cancelled)) await wait(1)
  t.pass('all are closed')
})

test('a damaged picture is named, and the stream read to its end to name all; or skipped if wished', async t => {
  const images = [...twoClasses, { jpeg: jpeg.subarray(0, 99), label: 'odd', name: 'cut' }, { jpeg, label: 'odd' }]
  await failsWith(t, () => loadDataset(jpegStream(images)), { code: 'TRUNCATED_JPEG', path: 'cut' })
  using dataset = await loadDataset(jpegStream([...images], { onError: 'skip' }))
  t.deepEqual([dataset.length, dataset.skipped.map(({ file }) => file)], [11, ['cut']])
})

test('what is no picture with a label is refused with its number, and the stream returned', async t => {
  let returned = false
  async function* images() {
    try {
      yield* twoClasses
      yield { jpeg: 'a.jpg', label: 'odd' } as never
    } finally {
      returned = true
    }
  }
  await failsWith(t, () => loadDataset(jpegStream(images())), { code: 'INVALID_OPTION', path: 'jpegStream.10.jpeg' })
  t.true(returned)
})

test('a generator or a stream is read once, and a second use says so; what begins anew is read again', async t => {
  for (const once of [pictureStream(10).images, Readable.from(twoClasses), Readable.toWeb(Readable.from(twoClasses))]) {
    const source = jpegStream(once as AsyncIterable<LabelledImage>)
    using _ = await loadDataset(source)
    await failsWith(t, () => loadDataset(source), { code: 'INVALID_OPTION', path: 'jpegStream', found: 'one that was' })
  }
  const { images } = pictureStream(10)
  await failsWith(t, () => newModel().fit(jpegStream(images), { test: jpegStream(images), epochs: 1 }), {
    code: 'INVALID_OPTION',
    expected: 'not read before',
  })
  const anew = jpegStream({ [Symbol.asyncIterator]: () => pictureStream(10).images })
  for (let time = 0; time < 2; time++) {
    using dataset = await loadDataset(anew)
    t.is(dataset.length, 10)
  }
})

test('pictures that do not fit the memory are an error, since they cannot be read again', async t => {
  const whole = await loadDataset(jpegStream(pictureStream(600).images), { memory: '1 MB' })
  t.is(whole.inMemory, 600)
  const { bytes } = whole
  whole.dispose()
  const { images, state } = pictureStream(100_000)
  await failsWith(t, () => loadDataset(jpegStream(images), { memory: bytes }), {
    code: 'INVALID_OPTION',
    path: 'memory',
    expected: 'room for all images of jpegStream',
    found: `${bytes} bytes`,
  })
  t.true(state.returned && state.given < 2000, `${state.given} given`)
})

test('no pictures are an error', async t => {
  await failsWith(t, () => loadDataset(jpegStream([])), { code: 'NO_CLASSES', path: 'jpegStream', found: 'none' })
})

test('what is no iterable is refused', async t => {
  for (const value of ['photos', 5, undefined, {}]) {
    await failsWith(t, () => jpegStream(value as never), { code: 'INVALID_OPTION', path: 'jpegStream' })
  }
})

test('a model trains on a stream, is tested on another and evaluates a third', async t => {
  using model = newModel()
  using twin = newModel()
  t.is(definition.input.channels, 3)
  const options = { epochs: 2, batchSize: 5 }
  const { epochs } = await model.fit(jpegStream(twoClasses), { ...options, test: jpegStream([...twoClasses]) })
  const expected = await twin.fit(jpegImages(twoClasses), { ...options, test: jpegImages(twoClasses) })
  t.deepEqual(
    epochs.map(({ loss, test }) => [loss, test?.loss]),
    expected.epochs.map(({ loss, test }) => [loss, test?.loss]),
  )
  t.is((await model.evaluate(jpegStream(pictureStream(10).images))).images, 10)
})
