/** Data sets with a limit of memory: what they keep, what they read again, and what they say when a file is not what it was. */
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { jpegFiles, jpegFolder, jpegImages, loadDataset, type Dataset, type MemorySize } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegs, twoClasses } from '../fixtures/pictures.js'

const [jpeg, other] = jpegs as [Buffer, Buffer]

/** A folder of so many files, all alike, in two classes. */
async function alike(t: ExecutionContext, count: number): Promise<string> {
  const name = (index: number) => `${index < count / 2 ? 'a' : 'b'}/${index}.jpg`
  return folderOf(t, Object.fromEntries(Array.from({ length: count }, (_, index) => [name(index), jpeg])))
}

/** Bytes that all pictures of a source take where there is a limit. */
async function bytesOfAll(source: Parameters<typeof loadDataset>[0]): Promise<number> {
  using dataset = await loadDataset(source, { memory: '1 GB' })
  return dataset.bytes
}

/** Has the data set use pictures one after the other. */
async function use(dataset: Dataset, ...indices: number[]): Promise<void> {
  for (const index of indices) await dataset.describe(index)
}

test('a picture takes less than a quarter of its pixels, and knowing of it little', async t => {
  const folder = await folderOf(
    t,
    Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`${index % 2 ? 'a' : 'b'}/${index}.jpg`, jpegs[index % 10] as Buffer]),
    ),
  )
  using dataset = await loadDataset(jpegFolder(folder))
  const each = dataset.bytes / dataset.length
  t.log(`${each.toFixed(1)} bytes a picture of 32×32`)
  t.true(each < (3 * 32 * 32) / 4, `${each} bytes a picture`)
  const packed = jpegs.length * each
  t.true(packed < jpegs.reduce((sum, { length }) => sum + length, 0), 'less than the files')
})

test('a data set never takes more than its limit, while it is read and while it is used', async t => {
  const folder = await alike(t, 60)
  const memory = Math.floor(0.6 * (await bytesOfAll(jpegFolder(folder))))
  using dataset = await loadDataset(jpegFolder(folder), { memory })
  t.true(dataset.bytes <= memory)
  t.true(dataset.inMemory > 0 && dataset.inMemory < 60, `${dataset.inMemory} in memory`)
  for (let index = 0; index < 60; index += 7) {
    await use(dataset, index)
    t.true(dataset.bytes <= memory, `${dataset.bytes} of ${memory} after picture ${index}`)
  }
  t.is(dataset.length, 60)
})

test('a data set that fits its limit keeps all of it', async t => {
  const folder = await alike(t, 6)
  using dataset = await loadDataset(jpegFolder(folder), { memory: '1 MB' })
  t.is(dataset.inMemory, 6)
  await rm(folder, { recursive: true })
  await t.notThrowsAsync(use(dataset, 0, 1, 2, 3, 4, 5))
})

test('what was not used for longest is given up first', async t => {
  const folder = await alike(t, 6)
  const memory = (await bytesOfAll(jpegFolder(folder))) - 1
  using dataset = await loadDataset(jpegFolder(folder), { memory })
  // Whatever the reading gave up, the last five used are there now.
  await use(dataset, 0, 1, 2, 3, 4, 5)
  t.is(dataset.inMemory, 5)
  await use(dataset, 1, 0)
  await rm(folder, { recursive: true })
  await use(dataset, 5, 4, 3, 1, 0)
  await failsWith(t, () => dataset.describe(2), { code: 'FILE_NOT_FOUND', path: join(folder, 'a', '2.jpg') })
})

test('a picture that was read again is what it was', async t => {
  const images = jpegImages(twoClasses)
  using whole = await loadDataset(images)
  using small = await loadDataset(images, { memory: Math.floor(0.85 * (await bytesOfAll(images))) })
  t.true(small.inMemory < 10)
  for (let index = 9; index >= 0; index--) t.deepEqual(await small.describe(index), await whole.describe(index))
  t.deepEqual(small.files, whole.files)
})

test('pictures in memory that were skipped move no other picture of a limited data set', async t => {
  const images = jpegImages([{ jpeg: new Uint8Array(), label: 'odd' }, ...twoClasses], { onError: 'skip' })
  using whole = await loadDataset(images)
  using small = await loadDataset(images, { memory: Math.floor(0.85 * (await bytesOfAll(images))) })
  for (let index = 0; index < 10; index++) t.deepEqual(await small.describe(index), await whole.describe(index))
})

/** A data set of six files that has one of them, picture 0, in its file alone. */
async function withoutFirst(t: ExecutionContext, onError: 'error' | 'skip' = 'error'): Promise<[Dataset, string]> {
  const folder = await alike(t, 6)
  const memory = (await bytesOfAll(jpegFolder(folder))) - 1
  const dataset = await loadDataset(jpegFolder(folder, { onError }), { memory })
  t.teardown(() => dataset.dispose())
  await use(dataset, 0, 1, 2, 3, 4, 5)
  return [dataset, join(folder, 'a', '0.jpg')]
}

test('a file that is gone when it must be read again is named', async t => {
  const [dataset, path] = await withoutFirst(t)
  await rm(path)
  await failsWith(t, () => dataset.describe(0), { code: 'FILE_NOT_FOUND', path, expected: 'a file', found: 'none' })
})

test('a file with other contents when it must be read again is named, even if it is a good one', async t => {
  const [dataset, path] = await withoutFirst(t)
  await writeFile(path, other)
  const changed = { code: 'FILE_CHANGED', path, expected: 'as it was first read', found: 'other contents' } as const
  await failsWith(t, () => dataset.describe(0), changed)
  const oneBit = Buffer.from(jpeg)
  oneBit[oneBit.length - 3] = (oneBit.at(-3) as number) ^ 1
  await writeFile(path, oneBit)
  await failsWith(t, () => dataset.describe(0), changed)
  await writeFile(path, jpeg)
  await t.notThrowsAsync(dataset.describe(0))
})

test('bad files may be skipped when they are first read, not when they are read again', async t => {
  const [dataset, path] = await withoutFirst(t, 'skip')
  await writeFile(path, 'no JPEG')
  await failsWith(t, () => dataset.describe(0), { code: 'FILE_CHANGED', path })
})

test('bytes in memory that were written to are named', async t => {
  const images = twoClasses.map(image => ({ ...image, jpeg: Buffer.from(image.jpeg) }))
  const memory = Math.floor(0.85 * (await bytesOfAll(jpegImages(images))))
  using dataset = await loadDataset(jpegImages(images), { memory })
  images.forEach(({ jpeg }) => jpeg.fill(0))
  const failures = []
  for (let index = 0; index < 10; index++) failures.push(await dataset.describe(index).catch((error: Error) => error))
  const errors = failures.filter(failure => failure instanceof Error)
  t.is(errors.length, 10 - dataset.inMemory)
  t.like(errors[0], { code: 'FILE_CHANGED' })
})

test('a limit too small for what must be known of all pictures says how much is needed', async t => {
  const error = await failsWith(t, () => loadDataset(jpegImages(twoClasses), { memory: 100 }), {
    code: 'INVALID_OPTION',
    path: 'memory',
    expected: 'bytes, for what is known of 10 pictures and a batch of 1',
    found: '100 bytes',
  })
  const needed = Number(/at least (\d+) bytes/.exec(error.message)?.[1])
  using dataset = await loadDataset(jpegImages(twoClasses), { memory: needed })
  await t.notThrowsAsync(use(dataset, 0, 5, 9))
})

const amounts: [MemorySize, number][] = [
  [5000, 5000],
  ['5000', 5000],
  ['5000 B', 5000],
  ['5 kB', 5000],
  ['5KB', 5000],
  ['5 KiB', 5120],
  ['0.005 MB', 5000],
  ['1.5MiB', 1.5 * 2 ** 20],
]
for (const [amount, bytes] of amounts) {
  test(`${typeof amount === 'string' ? `'${amount}'` : amount} is an amount of memory`, async t => {
    const keep = async (memory: MemorySize) => {
      using dataset = await loadDataset(jpegFiles(await files(t)), { memory })
      return [dataset.inMemory, dataset.bytes]
    }
    t.deepEqual(await keep(amount), await keep(bytes))
  })
}

/** As many files as need about ten thousand bytes. */
async function files(t: ExecutionContext) {
  const folder = await alike(t, 20)
  return Array.from({ length: 20 }, (_, index) => {
    const label = index < 10 ? 'a' : 'b'
    return { file: join(folder, label, `${index}.jpg`), label }
  })
}

for (const memory of ['', 'much', '2 PB', '-1 GB', '0', 'iB', '5 iB', 0, -5, 1.5, NaN, Infinity, '1e99 GB', {}]) {
  test(`${JSON.stringify(memory)} (${String(memory)}) is no amount of memory`, async t => {
    await failsWith(t, () => loadDataset(jpegImages(twoClasses), { memory: memory as never }), {
      code: 'INVALID_OPTION',
      path: 'loadDataset.memory',
      expected: 'text such as 2 GB',
    })
  })
}
