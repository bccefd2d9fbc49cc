import test from 'ava'
import { jpegFiles, jpegImages, loadDataset } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegPaths, jpegs } from '../fixtures/pictures.js'

const [a, b] = jpegs as [Buffer, Buffer]

test('pictures in memory have their classes in the order of names', async t => {
  const images = [
    { jpeg: a, label: 'dog' },
    { jpeg: b, label: 'cat', name: 'tom' },
    { jpeg: a, label: 'dog' },
  ]
  using dataset = await loadDataset(jpegImages(images))
  t.deepEqual(dataset.classes, ['cat', 'dog'])
  t.deepEqual([...dataset.labels], [1, 0, 1])
  t.deepEqual(dataset.files, ['image 0', 'tom', 'image 2'])
})

test('files anywhere can be given with their classes', async t => {
  const files = jpegPaths.slice(0, 3).map((file, index) => ({ file, label: index === 1 ? 'b' : 'a' }))
  using dataset = await loadDataset(jpegFiles(files))
  t.deepEqual(dataset.files, jpegPaths.slice(0, 3))
  t.deepEqual([...dataset.labels], [0, 1, 0])
})

test('a damaged picture is named', async t => {
  const images = [
    { jpeg: a, label: 'cat' },
    { jpeg: b.subarray(0, 50), label: 'dog', name: 'rex' },
  ]
  const error = await failsWith(t, () => loadDataset(jpegImages(images)), { code: 'TRUNCATED_JPEG', path: 'rex' })
  t.regex(error.message, /^rex: expected/)
})

test('a damaged picture is skipped and named if wished', async t => {
  const images = [
    { jpeg: a, label: 'cat' },
    { jpeg: new Uint8Array(), label: 'cat' },
    { jpeg: b, label: 'dog' },
  ]
  using dataset = await loadDataset(jpegImages(images, { onError: 'skip' }))
  t.deepEqual([dataset.length, dataset.skipped[0]?.file], [2, 'image 1'])
})

test('no pictures are an error', async t => {
  await failsWith(t, () => loadDataset(jpegImages([])), { code: 'NO_CLASSES', path: 'jpegImages', found: 'none' })
})

test('what are no bytes is refused', async t => {
  await failsWith(t, () => jpegImages([{ jpeg: 'a.jpg' as never, label: 'cat' }]), {
    code: 'INVALID_OPTION',
    path: 'jpegImages.0.jpeg',
    expected: 'the bytes of a JPEG file',
  })
})

test('a file without a class is refused', async t => {
  await failsWith(t, () => jpegFiles([{ file: 'a.jpg' } as never]), {
    code: 'INVALID_OPTION',
    path: 'jpegFiles.0.label',
    found: 'nothing',
  })
})

test('a data set that was disposed of says so', async t => {
  const dataset = await loadDataset(jpegImages([{ jpeg: a, label: 'cat' }]))
  dataset.dispose()
  t.is(dataset.bytes, 0)
  await failsWith(t, () => dataset.describe(0), { code: 'DISPOSED' })
})

test('a picture that is not there is refused', async t => {
  using dataset = await loadDataset(jpegImages([{ jpeg: a, label: 'cat' }]))
  await failsWith(t, () => dataset.describe(1), { code: 'INVALID_OPTION', found: '1' })
})
