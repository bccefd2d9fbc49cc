/** What single layers make of a picture. */
import test from 'ava'
import sharp from 'sharp'
import { createModel, jpegCoefficients, paperResnet, type FeatureMap } from '../../src-ts/index.js'
import { pixelsOf } from '../fixtures/dct.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegPaths, jpegs } from '../fixtures/pictures.js'

const picture = jpegPaths[0] as string

function of(maps: readonly FeatureMap[], layer: string): FeatureMap {
  const found = maps.find(map => map.layer === layer)
  if (!found) throw new Error(`expected a map of ${layer}`)
  return found
}

test('every layer gives coefficients of its shape, and the last two what embed and predict give', async t => {
  const model = createModel(paperResnet(), { seed: 1 })
  const maps = await model.featureMaps(picture)
  t.deepEqual(
    maps.map(({ layer }) => layer),
    ['input', ...model.nodes.map(({ path }) => path)],
  )
  for (const { shape, values } of maps)
    t.is(
      values.length,
      shape.reduce((product, side) => product * side),
    )
  const [answer] = await model.predict(picture)
  const [embedding] = await model.embed(picture)
  t.deepEqual([...of(maps, 'fc').values], [...(answer?.logits ?? [])])
  t.deepEqual(of(maps, 'pool').values, embedding?.features)
})

test('the input is the file’s own coefficients, normalised', async t => {
  const gray = await sharp(jpegs[0]).toColourspace('b-w').jpeg({ quality: 80 }).toBuffer()
  const [mean, std] = [0.4, 0.2]
  const model = createModel(paperResnet({ channels: 1, mean: [mean], std: [std] }))
  const [input] = await model.featureMaps(gray, { layers: ['input'] })
  const { components } = await jpegCoefficients(gray)
  const { values = [], quantisation = [] } = components[0] ?? {}
  t.is(input?.values.length, values.length)
  input?.values.forEach((value, at) => {
    const grey = (values[at] as number) * (quantisation[at % 64] as number)
    // Samples are stored around 128, and a block's constant coefficient is 8 times its mean.
    const expected = (grey / 255 + (at % 64 === 0 ? 8 * (128 / 255 - mean) : 0)) / std
    t.true(Math.abs(value - expected) < 1e-4, `${at}: ${value} instead of ${expected}`)
  })
})

test('a ReLU’s map is the ReLU of the map before it, pixel by pixel', async t => {
  const model = createModel(paperResnet(), { seed: 2 })
  const relus = model.nodes.filter(({ operation }) => operation === 'piecewiseLinear').map(({ path }) => path)
  const relu = relus[0] as string
  const before = model.nodes[model.nodes.findIndex(({ path }) => path === relu) - 1]?.path as string
  const maps = await model.featureMaps(picture, { layers: [relu, before] })
  t.deepEqual(
    maps.map(({ layer }) => layer),
    [relu, before],
  )
  for (let block = 0; block < 8; block++) {
    const of = ({ values }: FeatureMap) => pixelsOf(values.subarray(64 * block, 64 * (block + 1)))
    const [after, input] = maps.map(of) as [number[], number[]]
    after.forEach((value, at) => t.true(Math.abs(value - Math.max(0, input[at] as number)) < 1e-4))
  }
})

test('maps of a band-limited network end where its band does, and maps need not fill their blocks', async t => {
  const model = createModel(paperResnet({ width: 28, height: 20 }))
  const sharpMap = await sharp(jpegs[0]).resize(28, 20, { fit: 'fill' }).jpeg().toBuffer()
  const maps = await model.featureMaps(sharpMap, { mode: 'band-limited', frequencies: 5 })
  const { values, shape } = of(maps, 'block1.conv1')
  t.deepEqual(shape, [16, 20, 28])
  t.is(values.length, 16 * 3 * 4 * 64)
  const whole = createModel(paperResnet())
  const band = await whole.featureMaps(picture, { layers: ['block2.conv2'], mode: 'band-limited', frequencies: 5 })
  band[0]?.values.forEach((value, at) => {
    if (((at >> 3) & 7) + (at & 7) >= 5) t.true(Math.abs(value) < 1e-5)
  })
})

test('layers that are not there and files that are no pictures are refused', async t => {
  const model = createModel(paperResnet())
  await failsWith(t, () => model.featureMaps(picture, { layers: ['block9'] }), {
    code: 'INVALID_OPTION',
    found: 'block9',
  })
  await failsWith(t, () => model.featureMaps(Buffer.from('no picture')), { code: 'NOT_JPEG' })
  model.dispose()
  await failsWith(t, () => model.featureMaps(picture), { code: 'DISPOSED' })
})
