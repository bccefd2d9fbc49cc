/** Coefficients out of files, into tensors, and back into files; crops and turns that keep them. */
import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  inspectJpeg,
  jpegCoefficients,
  readCoefficients,
  readSafetensors,
  transformJpeg,
  writeCoefficients,
  writeJpeg,
  writeSafetensors,
  type JpegCoefficients,
  type Turn,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { fixture, jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const variants = readdirSync(fixture('variants')).map(name => fixture(`variants/${name}`))
const [picture] = jpegs as [Buffer]

test('any file written from its coefficients, or from tensors of them, gives them again', async t => {
  const folder = await temporaryFolder(t)
  for (const path of [...jpegPaths, ...variants]) {
    const given = await jpegCoefficients(path)
    t.deepEqual(await jpegCoefficients(await writeJpeg(given)), given, path)
    const [tensors, file] = [join(folder, 'a.safetensors'), join(folder, 'a.jpg')]
    await writeCoefficients(tensors, given)
    const again = await readCoefficients(tensors)
    t.deepEqual(again, given, path)
    const bytes = await writeJpeg(again, { file, progressive: true })
    t.deepEqual(new Uint8Array(await readFile(file)), bytes)
    t.deepEqual(await jpegCoefficients(file), given, path)
    t.is((await inspectJpeg(file)).coding, 'progressive')
  }
})

test('tensors are named and shaped as documented, and any program can read them', async t => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  const given = await jpegCoefficients(fixture('variants/sampling-2x2.jpg'))
  await writeCoefficients(path, given)
  const { metadata, tensors } = await readSafetensors(path)
  t.deepEqual(metadata, {
    format: 'jpegnet-coefficients',
    width: '21',
    height: '19',
    colour: 'ycbcr',
    inverted: 'false',
    orientation: '1',
    identifiers: '1,2,3',
    sampling: '2x2,1x1,1x1',
  })
  const found = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape]))
  t.deepEqual(found, {
    component_0: [3, 3, 8, 8],
    component_1: [2, 2, 8, 8],
    component_2: [2, 2, 8, 8],
    quantization_0: [8, 8],
    quantization_1: [8, 8],
    quantization_2: [8, 8],
  })
  const values = tensors.find(({ name }) => name === 'component_1')?.values ?? []
  t.deepEqual(Int16Array.from(values), given.components[1]?.values)
  const header = await readFile(path)
  const json = JSON.parse(header.subarray(8, 8 + Number(header.readBigUInt64LE())).toString())
  t.like(json, { component_0: { dtype: 'I16' }, quantization_0: { dtype: 'U16' } })
})

test('turns undo each other, and an orientation is a turn to be done', async t => {
  const given = await jpegCoefficients(fixture('variants/440.jpg'))
  const turned = async (from: JpegCoefficients, ...turns: Turn[]) => {
    for (const turn of turns) from = await transformJpeg(from, { turn })
    return from
  }
  t.deepEqual(await turned(given, 'rotate-90', 'rotate-90', 'rotate-90', 'rotate-90'), given)
  t.deepEqual(await turned(given, 'rotate-90', 'rotate-270'), given)
  t.deepEqual(await turned(given, 'rotate-180'), await turned(given, 'flip-horizontal', 'flip-vertical'))
  t.deepEqual(await turned(given, 'transverse'), await turned(given, 'transpose', 'rotate-180'))
  t.notDeepEqual(await turned(given, 'transpose'), given)
  // Exif's 6: seen after a turn by 90° clockwise.
  const onItsSide = { ...given, orientation: 6 }
  t.deepEqual(await transformJpeg(onItsSide), await turned(given, 'rotate-90'))
  t.deepEqual(await transformJpeg(onItsSide, { orientation: 'stored' }), onItsSide)
  t.is((await jpegCoefficients(await writeJpeg(onItsSide))).orientation, 6)
})

test('a crop keeps the blocks in its box', async t => {
  const given = await jpegCoefficients(fixture('variants/gray.jpg'))
  const cut = await transformJpeg(given, { crop: { left: 8, top: 16, width: 10, height: 8 } })
  t.like(cut, { width: 10, height: 8 })
  t.deepEqual(cut.components[0]?.blocks, [1, 2])
  const at = (2 * 4 + 1) * 64
  t.deepEqual(cut.components[0]?.values, given.components[0]?.values.slice(at, at + 128))
})

test('what would have to be decoded is refused with what would do', async t => {
  const given = await jpegCoefficients(fixture('variants/sampling-2x2.jpg'))
  await failsWith(t, () => transformJpeg(given, { crop: { left: 8, top: 0, width: 8, height: 8 } }), {
    code: 'NOT_LOSSLESS',
    message: 'a left edge of a multiple of 16 pixels in the picture as it is stored, found 8',
  })
  await failsWith(t, () => transformJpeg(given, { turn: 'flip-horizontal' }), {
    code: 'NOT_LOSSLESS',
    message: 'a width of a multiple of 16 pixels in the picture as it is stored, found 21',
  })
  await failsWith(t, () => transformJpeg(given, { crop: { left: 16, top: 0, width: 8, height: 8 } }), {
    code: 'INVALID_OPTION',
    message: 'a box within 21×19 pixels, found 8×8 from (16, 0)',
  })
  const turn = 'left' as Turn
  await failsWith(t, () => transformJpeg(given, { turn }), { code: 'INVALID_OPTION', path: 'transformJpeg.turn' })
})

test('coefficients that no file can hold are refused, and an old file stays as it was', async t => {
  const file = join(await temporaryFolder(t), 'a.jpg')
  await writeFile(file, 'old')
  const given = await jpegCoefficients(picture)
  const [first, ...rest] = given.components
  if (!first) return t.fail()
  const withFirst = (change: object) => ({ ...given, components: [{ ...first, ...change }, ...rest] })
  const refused = (change: object, message: string, code: 'INVALID_COEFFICIENTS' | 'INVALID_OPTION') =>
    failsWith(t, () => writeJpeg(withFirst(change), { file }), { code, message })
  await refused({ blocks: [1, 1] }, 'component 0: expected 4 × 4 blocks, found 1 × 1', 'INVALID_COEFFICIENTS')
  await refused({ values: first.values.slice(64) }, 'component 0: expected 16 blocks, found 15', 'INVALID_COEFFICIENTS')
  await refused({ values: first.values.slice(1) }, '64 values a block, found 1023', 'INVALID_OPTION')
  await refused({ quantisation: new Uint16Array(3) }, '64 steps, found 3', 'INVALID_OPTION')
  await refused({ values: new Int16Array(1024).fill(30_000) }, 'values that an 8-bit file', 'INVALID_COEFFICIENTS')
  await refused({ id: 2 }, 'component 1: expected an identifier of its own, found 2', 'INVALID_COEFFICIENTS')
  await refused({ values: [...first.values] }, 'coefficients.components.0.values', 'INVALID_OPTION')
  t.is(await readFile(file, 'utf8'), 'old')
  const missing = join(file, 'no-folder', 'a.jpg')
  await failsWith(t, () => writeJpeg(given, { file: missing }), { code: 'WRITE_FAILED', path: missing })
})

test('tensors of something else are refused by name', async t => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  const refused = (message: string) => failsWith(t, () => readCoefficients(path), { code: 'INVALID_WEIGHTS', message })
  const tensors = [{ name: 'component_0', shape: [1, 1, 8, 8], values: new Float32Array(64) }]
  const size = { width: '8', height: '8' }
  await writeSafetensors(path, { tensors })
  await refused('width: expected a number in the metadata of coefficients, found none')
  await writeSafetensors(path, { tensors, metadata: size })
  await refused('colour: expected gray, ycbcr, rgb, cmyk or ycck in the metadata, found none')
  await writeSafetensors(path, { tensors, metadata: { ...size, colour: 'gray' } })
  await refused('component_0: expected values of I16, found F32')
  await writeSafetensors(path, { tensors: [], metadata: { ...size, colour: 'gray' } })
  await refused('component_0: expected a tensor')
  await writeFile(path, 'no tensors')
  await refused('expected a safetensors file')
})
