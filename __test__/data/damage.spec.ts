/** Damaged files that are used as far as they go, and limits on what files may ask for. */
import { join } from 'node:path'
import test from 'ava'
import {
  cifarResnet,
  createModel,
  inspectJpeg,
  jpegCoefficients,
  jpegFolder,
  jpegImages,
  loadDataset,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegPaths, jpegs, twoClasses } from '../fixtures/pictures.js'

const whole = jpegs[0] as Buffer
const cut = whole.subarray(0, 700)
const EOF = 'Premature end of JPEG file'

test('a file that ends early gives the coefficients that came before its end', async t => {
  const [expected, found] = [await jpegCoefficients(whole), await jpegCoefficients(cut, { onError: 'use' })]
  const [all, some] = [expected, found].map(({ components }) => components[0]?.values) as [Int16Array, Int16Array]
  const first = all.findIndex((value, index) => value !== some[index])
  t.true(first > 64, `${first} of ${all.length} coefficients`)
  await failsWith(t, () => jpegCoefficients(cut), { code: 'TRUNCATED_JPEG' })
})

test('what was doubted is told with the file, and nothing of a whole one', async t => {
  const { warnings } = await inspectJpeg(cut, { onError: 'use' })
  t.true(warnings.some(({ message, count }) => message === EOF && count >= 1))
  t.deepEqual(await inspectJpeg(whole, { onError: 'use' }), await inspectJpeg(whole))
})

test('damaged files of a data set are used and named if wished, one that gives nothing is an error', async t => {
  const folder = await folderOf(t, { 'cat/1.jpg': whole, 'cat/2.jpg': cut, 'dog/1.jpg': whole })
  const source = jpegFolder(folder, { onError: 'use' })
  using dataset = await loadDataset(source)
  t.deepEqual([dataset.length, dataset.skipped], [3, []])
  t.deepEqual(
    dataset.warned.map(({ file }) => file),
    [join(folder, 'cat/2.jpg')],
  )
  t.true(dataset.warned[0]?.warnings.some(({ message }) => message === EOF))
  t.deepEqual((await dataset.describe(1)).warnings, [...(dataset.warned[0]?.warnings ?? [])])
  using strict = await loadDataset(jpegImages(twoClasses))
  t.deepEqual(strict.warned, [])
  const bad = await folderOf(t, { 'cat/1.jpg': whole, 'cat/2.jpg': 'no JPEG' })
  await failsWith(t, () => loadDataset(jpegFolder(bad, { onError: 'use' })), { code: 'NOT_JPEG' })
})

test('a damaged picture that was given up is read again by the same policy', async t => {
  const images = jpegImages(
    twoClasses.map((image, index) => (index === 4 ? { ...image, jpeg: image.jpeg.subarray(0, -60) } : image)),
    { onError: 'use' },
  )
  using all = await loadDataset(images)
  t.deepEqual(
    all.warned.map(({ file }) => file),
    ['image 4'],
  )
  using small = await loadDataset(images, { memory: Math.floor(0.85 * all.bytes) + 1000 })
  t.true(small.inMemory < 10, `${small.inMemory} pictures`)
  for (let index = 9; index >= 0; index--) t.deepEqual(await small.describe(index), await all.describe(index))
})

test('evaluations and predictions tell of damaged files that they used', async t => {
  const model = createModel(cifarResnet(20, { classes: 2 }), { seed: 1 })
  const images = [...twoClasses.slice(1), { jpeg: cut, label: 'even', name: 'cut' }]
  const { warned } = await model.evaluate(jpegImages(images, { onError: 'use' }))
  t.deepEqual(
    warned.map(({ file }) => file),
    ['cut'],
  )
  const { warned: ofTraining } = await model.fit(jpegImages(images, { onError: 'use' }), { epochs: 1 })
  t.deepEqual(ofTraining, warned)
  const [good, bad] = await model.predict([jpegPaths[0] as string, { name: 'cut', jpeg: cut }], { onError: 'use' })
  t.deepEqual([good?.warnings, bad?.warnings], [[], warned[0]?.warnings as never])
  await failsWith(t, () => model.predict({ name: 'cut', jpeg: cut }), { code: 'TRUNCATED_JPEG', path: 'cut' })
})

test('each limit has an error of its own', async t => {
  const refuses = (limits: object, message: string) =>
    failsWith(t, () => inspectJpeg(whole, { limits }), { code: 'JPEG_TOO_LARGE', message })
  await refuses({ pixels: 1023 }, 'expected at most 1023 pixels, found 1024')
  await refuses({ components: 2 }, 'expected at most 2 components, found 3')
  await refuses({ memory: '1 kB' }, 'expected at most 1000 bytes of memory, found')
  const progressive = jpegs[3] as Buffer
  await failsWith(t, () => inspectJpeg(progressive, { limits: { scans: 3 } }), {
    code: 'JPEG_TOO_LARGE',
    message: 'at most 3 scans, found 4',
  })
  t.like(await inspectJpeg(whole, { limits: { pixels: 1024, components: 3, scans: 1, memory: '1 MB' } }), { width: 32 })
})

test('limits hold for the files of a source, and are checked themselves', async t => {
  const source = jpegImages(twoClasses, { limits: { pixels: 100 } })
  await failsWith(t, () => loadDataset(source), { code: 'JPEG_TOO_LARGE', path: 'image 0' })
  await failsWith(t, () => jpegFolder('photos', { limits: { pixels: 0 } }), {
    code: 'INVALID_OPTION',
    path: 'jpegFolder.limits.pixels',
  })
  await failsWith(t, () => inspectJpeg(whole, { onError: 'skip' as never }), {
    code: 'INVALID_OPTION',
    path: 'inspectJpeg.onError',
  })
})
