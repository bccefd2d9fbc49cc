/** The border's own promises about sets of pictures. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { NativeJpegSet } from '../../src-ts/native/addon.js'
import { jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { failed, tenPictures } from './handles.js'

const [jpeg] = jpegs as [Buffer]

test('files that decode are appended in order, and each that does not is told with its place', async t => {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  await writeFile(at('empty.jpg'), '')
  await writeFile(at('text.jpg'), 'no JPEG at all')
  await writeFile(at('half.jpg'), jpeg.subarray(0, jpeg.length / 2))
  const [first, second, third] = jpegPaths as [string, string, string]
  const files = [first, at('none.jpg'), folder, second, at('empty.jpg'), at('text.jpg'), at('half.jpg'), third]
  const set = new NativeJpegSet()
  const report = await set.decodeFiles(files)
  if (!('indices' in report)) return t.fail(report.message)
  t.deepEqual(report.indices, [0, -1, -1, 1, -1, -1, -1, 2])
  const found = report.failures.map(({ position, failure }) => [position, failure.code, failure.path])
  t.deepEqual(found, [
    [1, 'FILE_NOT_FOUND', at('none.jpg')],
    [2, 'FILE_UNREADABLE', folder],
    [4, 'EMPTY_FILE', at('empty.jpg')],
    [5, 'NOT_JPEG', at('text.jpg')],
    [6, 'TRUNCATED_JPEG', at('half.jpg')],
  ])
  for (const { failure } of report.failures) t.true(failure.message.startsWith(`${failure.path}: `), failure.message)
  t.is(set.length, 3)
  const described = set.describe(1)
  t.like(described, { name: second, width: 32, height: 32 })
})

test('buffers without a name each are refused', async t => {
  const set = new NativeJpegSet()
  const answer = await set.decodeBuffers([jpeg, jpeg], ['one'])
  failed(t, answer, { code: 'INVALID_OPTION', path: 'names', message: /expected 2, one a buffer, found 1/ })
  t.is(set.length, 0)
})

test('buffers are copied: what JavaScript writes after a call does not reach it', async t => {
  const set = new NativeJpegSet()
  const bytes = Buffer.from(jpeg)
  const decoding = set.decodeBuffers([bytes], ['picture'])
  bytes.fill(0)
  t.like(await decoding, { indices: [0], failures: [] })
})

test('dense coefficients are the sparse ones and zeros', async t => {
  const set = await tenPictures()
  for (let index = 0; index < set.length; index++) {
    const [description, dense] = [set.describe(index), await set.coefficients(index)]
    if (!('components' in description) || !('components' in dense)) return t.fail()
    for (const [number, { blocksHigh, blocksWide, nonZeros }] of description.components.entries()) {
      const values = dense.components[number]?.values
      t.is(values?.length, blocksHigh * blocksWide * 64)
      t.is(values?.filter(value => value !== 0).length, nonZeros)
    }
  }
})

test('pictures that are not there are refused', async t => {
  const set = await tenPictures()
  failed(t, set.describe(10), { code: 'INVALID_OPTION', path: 'index', message: /below 10, found 10/ })
  failed(t, await set.coefficients(10), { code: 'INVALID_OPTION', path: 'index' })
})

test('a set that was disposed of is empty, and every verb of it DISPOSED', async t => {
  const set = await tenPictures()
  t.is(set.length, 10)
  set.dispose()
  set.dispose()
  t.is(set.length, 0)
  t.is(set.bytes, 0)
  const expected = { code: 'DISPOSED', path: 'JpegSet' }
  failed(t, set.describe(0), expected)
  failed(t, await set.coefficients(0), expected)
  failed(t, await set.decodeFiles(jpegPaths), expected)
  failed(t, await set.decodeBuffers([jpeg], ['a']), expected)
})

test('a set tells the collector its bytes and takes them back', async t => {
  const set = await tenPictures()
  t.true(set.bytes > 1000)
  const [none, all] = [new NativeJpegSet().reportMemory(), set.reportMemory()]
  t.is(all - none, set.bytes)
  t.is(set.reportMemory(), all, 'once')
  set.dispose()
  t.is(set.bytes, 0)
  t.is(new NativeJpegSet().reportMemory(), none)
})
