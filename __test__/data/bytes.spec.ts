/** Bytes of files in whatever a program has them, of this realm or another. */
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pathToFileURL } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import test from 'ava'
import {
  createModel,
  explainPicture,
  findDataset,
  inspectJpeg,
  jpegCoefficients,
  jpegFolder,
  jpegImages,
  jpegStream,
  jpegTar,
  loadDataset,
  paperResnet,
  readSafetensors,
  writeJpeg,
  writeSafetensors,
  type JpegBytes,
  type Picture,
} from '../../src-ts/index.js'
import { inPieces, tarOf } from '../fixtures/archive.js'
import { failsWith } from '../fixtures/modelError.js'
import { inTwoFolders, jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const [jpeg, other] = jpegs as [Buffer, Buffer]
const [path] = jpegPaths as [string]
const expected = await inspectJpeg(path)

function arrayBufferOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}

function shared(bytes: Uint8Array): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes.length)
  new Uint8Array(buffer).set(bytes)
  return buffer
}

/** A view in the middle of a larger buffer. */
function viewOf(bytes: Uint8Array): DataView {
  const whole = Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')])
  return new DataView(arrayBufferOf(whole), 6, bytes.length)
}

/** What behaves as a web stream does and is none of Node's. */
function otherStream(bytes: Uint8Array) {
  const parts = [bytes.subarray(0, 100), bytes.subarray(100)]
  const read = () => {
    const value = parts.shift()
    return Promise.resolve(value ? { done: false, value } : { done: true })
  }
  return { getReader: () => ({ read, cancel: () => Promise.resolve() }) }
}

const forms: Record<string, (bytes: Buffer) => JpegBytes> = {
  'a Buffer': bytes => bytes,
  'a Uint8Array': bytes => new Uint8Array(bytes),
  'a DataView': viewOf,
  'an ArrayBuffer': arrayBufferOf,
  'a SharedArrayBuffer': shared,
  'a Blob': bytes => new Blob([new Uint8Array(bytes)]),
  'a Response': bytes => new Response(new Uint8Array(bytes)),
  'a Node stream': bytes => Readable.from(inPieces(bytes, 100)),
  'a web stream': bytes => new Blob([new Uint8Array(bytes)]).stream(),
  'a stream of another kind': otherStream,
  'an async generator': bytes => inPieces(bytes, 100),
  'a typed array of another realm': bytes => elsewhere(bytes, 'new Uint8Array(bytes)') as Uint8Array,
  'a buffer of another realm': bytes => elsewhere(bytes, 'new Uint8Array(bytes).buffer') as ArrayBuffer,
}

/** What an expression about bytes comes to in another realm, as under Jest. */
function elsewhere(bytes: Uint8Array, expression: string): unknown {
  return runInContext(expression, createContext({ bytes: [...bytes] }))
}

for (const [title, form] of Object.entries(forms)) {
  test(`${title} is bytes wherever a Uint8Array is`, async t => {
    using model = createModel(paperResnet(), { seed: 1 })
    const [answer] = await model.predict(path)
    t.like(await inspectJpeg(form(jpeg)), { width: expected.width, fileBytes: expected.fileBytes })
    t.deepEqual(await jpegCoefficients(form(jpeg)), await jpegCoefficients(path))
    const pictures = (): Picture[] => [form(jpeg), { name: 'named', jpeg: form(jpeg) }, path]
    for (const predictions of [await model.predict(pictures()), await inOrder(model.predictEach(pictures()))]) {
      t.deepEqual(
        predictions.map(({ file }) => file),
        ['image 0', 'named', path],
      )
    }
    t.deepEqual((await model.predict(form(jpeg)))[0]?.logits, answer?.logits)
    t.is((await model.embed(form(jpeg))).length, 1)
    t.is((await model.featureMaps(form(jpeg), { layers: ['fc'] })).length, 1)
    t.is((await model.profile(form(jpeg), { rounds: 1 })).batch, 1)
    const images = () => [
      { jpeg: form(jpeg), label: 'a' },
      { jpeg: form(other), label: 'b' },
    ]
    for (const source of [jpegImages(images()), jpegStream(images())]) {
      using dataset = await loadDataset(source)
      t.deepEqual([dataset.classes, dataset.length], [['a', 'b'], 2])
    }
    using archive = await loadDataset(jpegTar(form(await tarOf(inTwoFolders(4)))))
    t.is(archive.length, 4)
  })
}

async function inOrder<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const value of values) all.push(value)
  return all
}

test('a page about a picture reads a stream once', async t => {
  using model = createModel(paperResnet(), { seed: 1 })
  t.regex(await explainPicture(model, createReadStream(path)), /<html/)
})

test('a file: URL is a path, a File has its name', async t => {
  const url = pathToFileURL(path)
  t.deepEqual(await inspectJpeg(url), expected)
  using model = createModel(paperResnet(), { seed: 1 })
  const file = new File([new Uint8Array(jpeg)], 'photo.jpg')
  const answers = await model.predict([url, file])
  t.deepEqual(
    answers.map(({ file }) => file),
    [path, 'photo.jpg'],
  )
  const folder = await temporaryFolder(t)
  t.is(jpegFolder(pathToFileURL(folder)).directory, folder)
  await failsWith(t, () => findDataset(pathToFileURL(join(folder, 'none'))), { code: 'FILE_NOT_FOUND' })
  await failsWith(t, () => inspectJpeg(new URL('https://example.org/a.jpg')), {
    code: 'INVALID_OPTION',
    found: 'https://example.org/a.jpg',
  })
})

test('bytes that cannot be had fail that picture alone', async t => {
  using model = createModel(paperResnet(), { seed: 1 })
  // eslint-disable-next-line require-yield
  async function* broken(): AsyncGenerator<Uint8Array, void> {
    await Promise.resolve()
    throw new Error('the line went dead')
  }
  const words = Readable.from(['some', 'words'])
  const pictures = () => [jpeg, broken(), new Response('not here', { status: 404 }), words, jpeg]
  const answers = await inOrder(model.predictEach(pictures()))
  t.deepEqual(
    answers.map(({ error }) => error?.message),
    [
      undefined,
      'image 1: expected its bytes, found the line went dead',
      'image 2: expected the bytes of a file, found a response of status 404',
      'image 3: expected a stream of bytes, found one of strings',
      undefined,
    ],
  )
  await failsWith(t, () => model.predict([jpeg, broken()]), { code: 'FILE_UNREADABLE', path: 'image 1' })
  const images = (onError: 'skip' | 'error') => [
    jpegImages([{ jpeg: broken(), label: 'a' }, ...['a', 'b'].map(label => ({ jpeg, label }))], { onError }),
    jpegStream([{ jpeg: broken(), label: 'a' }, ...['a', 'b'].map(label => ({ jpeg, label }))], { onError }),
  ]
  for (const source of images('skip')) {
    using dataset = await loadDataset(source)
    t.deepEqual([dataset.length, dataset.skipped[0]?.file], [2, 'image 0'])
  }
  for (const source of images('error')) await failsWith(t, () => loadDataset(source), { code: 'FILE_UNREADABLE' })
})

test('a stream is read once, and says so', async t => {
  const stream = createReadStream(path)
  await inspectJpeg(stream)
  await failsWith(t, () => inspectJpeg(stream), { code: 'INVALID_OPTION', found: 'one that was' })
})

test('arrays and signals of another realm go in wherever those of this one do', async t => {
  const folder = await temporaryFolder(t)
  const realm = createContext({ Float32Array: undefined })
  const inRealm = (type: string, values: ArrayLike<number>) =>
    runInContext(`new ${type}(values)`, createContext({ values: [...Array.from(values)] })) as never
  const coefficients = await jpegCoefficients(path)
  const components = coefficients.components.map(({ quantisation, values, ...rest }) => ({
    ...rest,
    quantisation: inRealm('Uint16Array', quantisation),
    values: inRealm('Int16Array', values),
  }))
  t.deepEqual(await writeJpeg({ ...coefficients, components }), await writeJpeg(coefficients))
  using model = createModel(paperResnet(), { seed: 1 })
  const tensors = (await model.parameters()).map(({ values, ...rest }) => ({
    ...rest,
    values: inRealm('Float32Array', values) as Float32Array,
  }))
  await writeSafetensors(join(folder, 'a.safetensors'), { tensors })
  t.is((await readSafetensors(join(folder, 'a.safetensors'))).tensors.length, tensors.length)
  t.deepEqual((await model.load(tensors)).missing, [])
  const list = runInContext('[path, path]', createContext({ path })) as string[]
  t.is((await model.predict(list)).length, 2)
  const signal = runInContext(
    '({ aborted: false, reason: undefined, addEventListener() {}, removeEventListener() {} })',
    realm,
  ) as AbortSignal
  t.is((await model.predict(path, { signal })).length, 1)
})
