import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { inspectJpeg, jpegFolder, loadDataset } from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { fixture, folderOf, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const says = test.macro(async (t, file: string, expected: object) => {
  const { colour, inverted, sampling, coding, width, height, components } = await inspectJpeg(
    fixture(`variants/${file}`),
  )
  t.like({ colour, inverted, sampling, coding, width, height, components: components.length }, expected)
})

test('a gray file has one component', says, 'gray.jpg', { colour: 'gray', sampling: 'gray', components: 1 })
test('a file of 4:1:1 is told', says, '411.jpg', { colour: 'ycbcr', sampling: '4:1:1', components: 3 })
test('a file of 4:4:0 is told', says, '440.jpg', { sampling: '4:4:0', coding: 'baseline' })
test('a progressive file of 4:2:2 is told', says, 'progressive-422.jpg', { sampling: '4:2:2', coding: 'progressive' })

test('an RGB file is told', says, 'rgb.jpg', { colour: 'rgb', inverted: false, sampling: '4:4:4' })
test('a CMYK file is told, its samples inverted', says, 'cmyk.jpg', { colour: 'cmyk', inverted: true, components: 4 })
test('an arithmetic file is told', says, 'arithmetic.jpg', { coding: 'arithmetic' })

test('orientation, ICC profiles and oddities are told', async t => {
  const [plain] = jpegs as [Buffer]
  const exif = Buffer.from('ffe100224578696600004d4d002a00000008000101120003000000010006000000000000', 'hex')
  const icc = Buffer.from('ffe200144943435f50524f46494c450001017777777777'.slice(0, 44), 'hex')
  const file = Buffer.concat([plain.subarray(0, 2), exif, icc, plain.subarray(2), Buffer.from('more')])
  const { orientation, iccBytes, notes, warnings } = await inspectJpeg(file)
  const expected = { orientation: 6, iccBytes: 4, notes: ['4 bytes after the end of the picture'], warnings: [] }
  t.deepEqual({ orientation, iccBytes, notes, warnings }, expected)
  t.like(await inspectJpeg(plain), { orientation: 1, notes: [], warnings: [] })
})

const turned = test.macro(async (t, file: string) => {
  t.like(await inspectJpeg(fixture(`cases/${file}`)), { orientation: 6, notes: [] })
})

test('an orientation is read from Exif data', turned, 'plain6.jpg')
test('an orientation that is a long number is read', turned, 'long.jpg')
test('an orientation behind a prefix that stands twice is read', turned, 'dupPrefix.jpg')
test('an orientation is read from XMP data where there is no Exif data', turned, 'xmpOnly.jpg')

test('a hundred thousand segments are read like one', async t => {
  const [plain] = jpegs as [Buffer]
  const flood = Buffer.concat([plain.subarray(0, 2), Buffer.from('ffe10002', 'hex'), plain.subarray(2)])
  const many = Buffer.concat([plain.subarray(0, 2), Buffer.from('ffe10002'.repeat(100_000), 'hex'), plain.subarray(2)])
  const { components } = await inspectJpeg(flood)
  t.deepEqual((await inspectJpeg(many)).components, components)
})

test('a file that would take more work than the limit is refused, and says how much', async t => {
  const path = fixture('cases/cut-12-megapixels.jpg')
  const { width, warnings } = await inspectJpeg(path, { onError: 'use' })
  t.deepEqual([width, warnings.length > 0], [4000, true])
  await failsWith(t, () => inspectJpeg(path, { onError: 'use', limits: { work: 10 } }), {
    code: 'JPEG_TOO_LARGE',
    message: 'expected at most 10 milliseconds of work, found ',
  })
  await failsWith(t, () => inspectJpeg(path, { limits: { bytes: '1 kB' } }), {
    code: 'JPEG_TOO_LARGE',
    message: 'expected at most 1000 bytes, found 20000',
  })
})

const testOfPipes = process.platform === 'win32' ? test.skip : test

testOfPipes('a pipe or a device is refused and not waited for', async t => {
  const folder = await folderOf(t, { 'cat/1.jpg': jpegs[0] as Buffer, 'dog/1.jpg': jpegs[1] as Buffer })
  const pipe = join(folder, 'cat/pipe.jpg')
  execFileSync('mkfifo', [pipe])
  const refused = (found: string) =>
    ({ code: 'FILE_UNREADABLE', message: `expected a readable file, found ${found}` }) as const
  await failsWith(t, () => inspectJpeg(pipe), refused('a pipe'))
  await failsWith(t, () => inspectJpeg('/dev/zero'), refused('a device'))
  await failsWith(t, () => inspectJpeg(folder), refused('a folder'))
  await failsWith(t, () => loadDataset(jpegFolder(folder)), { ...refused('a pipe'), path: pipe })
  using dataset = await loadDataset(jpegFolder(folder, { onError: 'skip' }))
  t.deepEqual(dataset.skipped, [{ file: pipe, reason: `${pipe}: expected a readable file, found a pipe` }])
})

/** A file whose frame says 12 bits a sample. */
function twelveBits(): Buffer {
  const bytes = Buffer.from(jpegs[0] as Buffer)
  bytes[bytes.indexOf(Buffer.from('ffc0', 'hex')) + 4] = 12
  return bytes
}

test('sizes and non-zeros add up', async t => {
  const path = fixture('jpegs/0.jpg')
  const inspection = await inspectJpeg(path)
  t.deepEqual([inspection.file, inspection.width, inspection.height], [path, 32, 32])
  t.is(inspection.fileBytes, statSync(path).size)
  t.true(inspection.sparseBytes > 0)
  const blocks = inspection.components.map(({ blocks: [high, wide] }) => high * wide)
  const nonZeros = inspection.components.map(component => component.nonZeros)
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
  t.is(inspection.nonZerosPerBlock, sum(nonZeros) / sum(blocks))
  for (const { quantisation, nonZerosPerBlock } of inspection.components) {
    t.is(quantisation.length, 64)
    t.true(quantisation.every(step => step >= 1))
    t.true(nonZerosPerBlock >= 0 && nonZerosPerBlock <= 64)
  }
})

test('bytes are inspected as files are', async t => {
  const path = fixture('variants/odd.jpg')
  const { file: _, ...fromFile } = await inspectJpeg(path)
  const { file: __, ...fromBytes } = await inspectJpeg(readFileSync(path))
  t.deepEqual(fromBytes, fromFile)
})

const refuses = test.macro(async (t, content: Uint8Array | string, expected: Expected) => {
  const path = join(await folderOf(t, { 'a.jpg': content }), 'a.jpg')
  await failsWith(t, () => inspectJpeg(path), { path, message: path, ...expected })
})
test('an empty file is refused', refuses, '', { code: 'EMPTY_FILE' })
test('what is no JPEG is refused', refuses, 'GIF89a', { code: 'NOT_JPEG' })
test('a file that ends early is refused', refuses, (jpegs[0] as Buffer).subarray(0, 300), { code: 'TRUNCATED_JPEG' })
test('12 bits a sample are refused', refuses, twelveBits(), { code: 'UNSUPPORTED_JPEG', message: 'found 12' })

test('a file that is not there is refused', async t => {
  const path = join(await temporaryFolder(t), 'none.jpg')
  await failsWith(t, () => inspectJpeg(path), { code: 'FILE_NOT_FOUND', path, found: 'none' })
})
test('a folder in place of a file is refused', async t => {
  const path = await temporaryFolder(t)
  await failsWith(t, () => inspectJpeg(path), { code: 'FILE_UNREADABLE', path })
})
