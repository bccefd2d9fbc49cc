/** The border's own promises about data sets. */
import test from 'ava'
import { NativeJpegSet, NativePackedSet } from '../../src-ts/native/addon.js'
import { jpegPaths, jpegs } from '../fixtures/pictures.js'
import { failed, tenPictures } from './handles.js'

/** A packed set of the ten pictures. */
async function tenPacked(memory?: number): Promise<NativePackedSet> {
  const set = new NativePackedSet(memory)
  await set.decodeFiles(jpegPaths)
  set.finish()
  return set
}

const numbers = (...indices: number[]) => Uint32Array.from(indices)

test('a batch holds the pictures asked for in that order, equal to those decoded from their files', async t => {
  const [packed, plain] = [await tenPacked(), new NativeJpegSet()]
  await plain.decodeFiles(jpegPaths)
  const order = [3, 9, 0, 3, 7]
  const batch = await packed.batch(Uint32Array.from(order), [])
  if (!(batch instanceof NativeJpegSet)) return t.fail(batch.message)
  t.is(batch.length, 5)
  for (const [position, index] of order.entries()) {
    t.deepEqual(batch.describe(position), plain.describe(index))
    t.deepEqual(await batch.coefficients(position), await plain.coefficients(index))
  }
})

test('files that decode are appended in order, and each that does not is told with its place', async t => {
  const set = new NativePackedSet()
  const report = await set.decodeFiles([jpegPaths[0] as string, 'none.jpg', jpegPaths[1] as string])
  t.like(report, { indices: [0, -1, 1] })
  if ('failures' in report) failed(t, report.failures[0]?.failure, { code: 'FILE_NOT_FOUND', path: 'none.jpg' })
  t.deepEqual(set.names(), [jpegPaths[0], jpegPaths[1]])
  failed(t, await set.decodeBuffers(jpegs, ['one']), { code: 'INVALID_OPTION', path: 'names' })
  t.is(set.length, 2)
})

test('a packed set, frames and names included, takes little more than half of the sparse one, even if no two are alike', async t => {
  const [packed, sparse] = [await tenPacked(), await tenPictures()]
  t.true(packed.bytes < 0.55 * sparse.bytes, `${packed.bytes} of ${sparse.bytes}`)
})

test('a batch outlives its set', async t => {
  const set = await tenPacked()
  const batch = await set.batch(numbers(1, 2), [])
  set.dispose()
  if (!(batch instanceof NativeJpegSet)) return t.fail(batch.message)
  t.like(batch.describe(1), { name: jpegPaths[2] })
})

test('pictures that are not there are refused, and batches larger than the limit', async t => {
  const set = await tenPacked(10_000)
  failed(t, await set.batch(numbers(0, 10), []), {
    code: 'INVALID_OPTION',
    path: 'index',
    message: /below 10, found 10/,
  })
  const answer = await set.batch(numbers(...Array.from({ length: 10 }, (_, index) => index)), [])
  failed(t, answer, { code: 'INVALID_OPTION', path: 'memory', message: /at least \d+ bytes, .* found 10000 bytes/ })
  failed(t, set.checkBatch(10), { code: 'INVALID_OPTION', path: 'memory' })
  t.true(set.checkBatch(1))
})

test('a set tells which of some pictures are in memory', async t => {
  const [set, whole] = [await tenPacked(11_000), await tenPacked()]
  const all = Array.from({ length: 10 }, (_, index) => index)
  t.is(whole.inMemory(numbers(...all)), 10)
  t.is(set.inMemory(numbers(...all)), 10 - set.givenUp)
  t.is(
    all.map(index => set.inMemory(numbers(index))).reduce((sum, count) => sum + count),
    10 - set.givenUp,
  )
  t.is(set.inMemory(numbers(10)), 0)
})

test('batches made at the same time are what they are alone', async t => {
  const [set, whole] = [await tenPacked(11_500), await tenPacked()]
  t.true(set.givenUp > 0)
  const orders = Array.from({ length: 40 }, (_, index) => numbers(index % 10, (index * 3) % 10))
  const batches = await Promise.all(orders.map(order => set.batch(order, [])))
  for (const [index, batch] of batches.entries()) {
    const alone = await whole.batch(orders[index] as Uint32Array, [])
    if (!(batch instanceof NativeJpegSet && alone instanceof NativeJpegSet)) return t.fail('a batch was not made')
    for (const position of [0, 1]) t.deepEqual(batch.describe(position), alone.describe(position))
  }
  t.true(set.bytes <= 11_500)
})

test('a set that was disposed of is empty, and every verb of it DISPOSED', async t => {
  const set = await tenPacked()
  set.dispose()
  set.dispose()
  t.deepEqual([set.length, set.bytes, set.givenUp, set.inMemory(numbers(0))], [0, 0, 0, 0])
  const expected = { code: 'DISPOSED', path: 'PackedSet' }
  failed(t, set.names(), expected)
  failed(t, set.checkBatch(1), expected)
  failed(t, await set.batch(numbers(0), []), expected)
  failed(t, await set.decodeFiles(jpegPaths), expected)
  failed(t, await set.decodeBuffers(jpegs.slice(0, 1), ['a']), expected)
})

test('a set tells the collector its bytes and takes them back', async t => {
  const set = await tenPacked()
  const all = new NativePackedSet().reportMemory()
  t.is(set.reportMemory(), all, 'told when it was finished')
  const { bytes } = set
  set.dispose()
  t.is(new NativePackedSet().reportMemory(), all - bytes)
})
