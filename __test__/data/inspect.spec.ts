import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { inspectJpeg } from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { fixture, folderOf, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const says = test.macro(async (t, file: string, expected: object) => {
  const { colour, sampling, progressive, width, height, components } = await inspectJpeg(fixture(`variants/${file}`))
  t.like({ colour, sampling, progressive, width, height, components: components.length }, expected)
})

test('a gray file has one component', says, 'gray.jpg', { colour: 'gray', sampling: 'gray', components: 1 })
test('a file of 4:1:1 is told', says, '411.jpg', { colour: 'ycbcr', sampling: '4:1:1', components: 3 })
test('a file of 4:4:0 is told', says, '440.jpg', { sampling: '4:4:0', progressive: false })
test('a progressive file of 4:2:2 is told', says, 'progressive-422.jpg', { sampling: '4:2:2', progressive: true })

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
test('CMYK is refused', refuses, readFileSync(fixture('variants/cmyk.jpg')), { code: 'UNSUPPORTED_JPEG' })

test('a file that is not there is refused', async t => {
  const path = join(await temporaryFolder(t), 'none.jpg')
  await failsWith(t, () => inspectJpeg(path), { code: 'FILE_NOT_FOUND', path, found: 'none' })
})
test('a folder in place of a file is refused', async t => {
  const path = await temporaryFolder(t)
  await failsWith(t, () => inspectJpeg(path), { code: 'FILE_UNREADABLE', path })
})
