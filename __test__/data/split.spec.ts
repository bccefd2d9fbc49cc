/** Parts of data sets: what is chosen, what they share, and how long it lives. */
import { rename } from 'node:fs/promises'
import { basename, join, relative } from 'node:path'
import test from 'ava'
import { jpegFolder, jpegImages, loadDataset, type Dataset } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, inTwoFolders, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { newModel } from '../fixtures/training.js'

const jpeg = jpegs[0] as Buffer

/** So many pictures of each class, called `class/number`. */
const images = (counts: Record<string, number>) =>
  Object.entries(counts).flatMap(([label, count]) =>
    Array.from({ length: count }, (_, number) => ({
      jpeg: jpegs[number % jpegs.length] as Buffer,
      label,
      name: `${label}/${number}`,
    })),
  )

const countsOf = ({ balance }: Dataset) => balance.classes.map(({ count }) => count)

test('each class is split as asked, and no picture is in both parts or in none', async t => {
  using whole = await loadDataset(jpegImages(images({ ant: 50, bee: 10, cat: 3 })))
  const { train, test } = whole.split({ test: 0.2, seed: 1 })
  t.deepEqual(
    [countsOf(train), countsOf(test)],
    [
      [40, 8, 2],
      [10, 2, 1],
    ],
  )
  t.deepEqual([...train.files, ...test.files].sort(), [...whole.files].sort())
  for (const part of [train, test]) {
    t.deepEqual(part.classes, ['ant', 'bee', 'cat'])
    t.true(part.files.every((file, index) => file.startsWith(part.classes[part.labels[index] as number] as string)))
    t.is(part.length, part.files.length)
    t.is(part.bytes, whole.bytes)
  }
})

test('the same pictures are chosen whatever the order of listing, and others for another seed', async t => {
  const all = images({ ant: 40, bee: 20 })
  const chosen = async (given: typeof all, seed: number) => {
    using dataset = await loadDataset(jpegImages(given))
    return [...dataset.split({ test: 0.25, seed }).test.files].sort()
  }
  const first = await chosen(all, 0)
  t.deepEqual(await chosen(all.toReversed(), 0), first)
  t.notDeepEqual(await chosen(all, 1), first)
  // A value to hold on to: a training that is resumed by a later version must not test on what it has learned.
  t.deepEqual(first.slice(0, 3), ['ant/1', 'ant/12', 'ant/16'])
})

test('the choice does not depend on where a folder lies or on how its path is written', async t => {
  const folder = await folderOf(t, inTwoFolders(20))
  const chosen = async (path: string) => {
    using dataset = await loadDataset(jpegFolder(path))
    return dataset.split({ test: 0.3 }).test.files.map(file => basename(file))
  }
  const first = await chosen(folder)
  t.is(first.length, 6)
  t.deepEqual(await chosen(relative(process.cwd(), folder)), first)
  const elsewhere = join(await temporaryFolder(t), 'elsewhere')
  await rename(folder, elsewhere)
  t.deepEqual(await chosen(elsewhere), first)
})

test('another class changes nothing about the choice in the first', async t => {
  const ofAnts = async (counts: Record<string, number>) => {
    using dataset = await loadDataset(jpegImages(images(counts)))
    return dataset.split({ test: 0.5 }).test.files.filter(file => file.startsWith('ant'))
  }
  t.deepEqual(await ofAnts({ ant: 12, bee: 2 }), await ofAnts({ ant: 12, bee: 30, cat: 7 }))
})

test('a class of two or more pictures is in both parts, a class of one in the first', async t => {
  using whole = await loadDataset(jpegImages(images({ one: 1, two: 2, many: 10 })))
  const counts = (share: number) => {
    const { train, test } = whole.split({ test: share })
    return [countsOf(train), countsOf(test)]
  }
  t.deepEqual(whole.classes, ['many', 'one', 'two'])
  t.deepEqual(counts(0.001), [
    [9, 1, 1],
    [1, 0, 1],
  ])
  t.deepEqual(counts(0.999), [
    [1, 1, 1],
    [9, 0, 1],
  ])
})

test('a share that leaves nothing to one part is refused, and classes that cannot be split', async t => {
  using whole = await loadDataset(jpegImages(images({ ant: 4, bee: 4 })))
  for (const share of [0, 1, -0.5, NaN]) {
    await failsWith(t, () => whole.split({ test: share }), { code: 'INVALID_OPTION', path: 'split.test' })
  }
  await failsWith(t, () => whole.split({ test: 0.5, seed: 0.5 }), { code: 'INVALID_OPTION', path: 'split.seed' })
  using single = await loadDataset(jpegImages(images({ ant: 1, bee: 1 })))
  await failsWith(t, () => single.split({ test: 0.5 }), { code: 'NO_CLASSES', expected: 'at least two images' })
})

test('a subset has the pictures asked for in that order, and its own numbers', async t => {
  using whole = await loadDataset(jpegImages(images({ ant: 5, bee: 5 })))
  using part = whole.subset([7, 2, 2])
  t.deepEqual(part.files, ['bee/2', 'ant/2', 'ant/2'])
  t.deepEqual([...part.labels], [1, 0, 0])
  t.deepEqual(await part.describe(0), await whole.describe(7))
  using again = part.subset([1])
  t.deepEqual(await again.describe(0), await whole.describe(2))
  await failsWith(t, () => again.describe(1), { code: 'INVALID_OPTION', expected: 'below 1', found: '1' })
})

test('numbers that no picture has are refused', async t => {
  using whole = await loadDataset(jpegImages(images({ ant: 5 })))
  for (const numbers of [[], [5], [-1], [0.5], ['a' as never]]) {
    await failsWith(t, () => whole.subset(numbers), { code: 'INVALID_OPTION', path: 'subset.indices' })
  }
})

test('parts outlive what they were cut from, and each is disposed of alone', async t => {
  const whole = await loadDataset(jpegImages(images({ ant: 4, bee: 4 })))
  const { train, test } = whole.split({ test: 0.5 })
  const expected = await test.describe(0)
  whole.dispose()
  whole.dispose()
  await failsWith(t, () => whole.describe(0), { code: 'DISPOSED', path: 'Dataset' })
  await failsWith(t, () => whole.split({ test: 0.5 }), { code: 'DISPOSED' })
  train.dispose()
  t.is(train.bytes, 0)
  await failsWith(t, () => train.describe(0), { code: 'DISPOSED' })
  t.deepEqual(await test.describe(0), expected)
  t.true(test.bytes > 0)
  test.dispose()
  await failsWith(t, () => test.files, { code: 'DISPOSED' })
})

test('parts share the limit of memory, and each tells what it has there', async t => {
  const folder = await folderOf(
    t,
    Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`${index % 2 ? 'a' : 'b'}/${index}.jpg`, jpeg])),
  )
  using all = await loadDataset(jpegFolder(folder), { memory: '1 MB' })
  const memory = Math.floor(0.6 * all.bytes)
  using whole = await loadDataset(jpegFolder(folder), { memory })
  const { train, test } = whole.split({ test: 0.5 })
  t.true(whole.inMemory < whole.length)
  t.is(train.inMemory + test.inMemory, whole.inMemory)
  for (const part of [train, test]) {
    for (let index = 0; index < part.length; index++)
      t.is((await part.describe(index)).file, part.files[index] as string)
    t.true(whole.bytes <= memory)
  }
  await failsWith(t, () => newModel().fit(train, { batchSize: 20, epochs: 1 }), {
    code: 'INVALID_OPTION',
    path: 'memory',
  })
})

test('a model trains on one part and is tested on the other', async t => {
  using whole = await loadDataset(jpegImages(images({ ant: 6, bee: 4 })))
  const { train, test } = whole.split({ test: 0.5 })
  using model = newModel()
  const { epochs } = await model.fit(train, { test, epochs: 1, batchSize: 3 })
  t.is(epochs[0]?.test?.images, 5)
  const { images: tested, confusion } = await model.evaluate(test)
  t.deepEqual([tested, confusion.map(row => row.reduce((sum, count) => sum + count, 0))], [5, [3, 2]])
})
