/** Pictures of any colours and any orientation, whole or damaged, on their way to a model. */
import test from 'ava'
import {
  createModel,
  jpegCoefficients,
  jpegImages,
  loadDataset,
  paperResnet,
  randomCrop,
  randomHorizontalFlip,
  transformJpeg,
  writeJpeg,
  type CoefficientPlane,
  type JpegColour,
  type Model,
  type Picture,
  type PredictOptions,
  type Turn,
} from '../../src-ts/index.js'
import { fixture, jpegs } from '../fixtures/pictures.js'

async function logits(model: Model, picture: Picture, options?: PredictOptions): Promise<readonly number[]> {
  return (await model.predict([picture], options))[0]?.logits ?? []
}

const apart = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? NaN))))

/** Samples within 0…255 whose steps are 8, so that a first coefficient counts grey levels from 128 on. */
const shades = Int16Array.from({ length: 16 * 64 }, (_, at) => {
  if (at % 64 === 0) return ((at / 64) * 7) % 80
  return at % 64 < 12 ? ((at * 5) % 7) - 3 : 0
})
const constant = (level: number) => shades.map((_, at) => (at % 64 === 0 ? level : 0))
/** `255 − sample`. */
const inverted = shades.map((value, at) => -value - (at % 64 === 0 ? 1 : 0))
const [WHITE, MIDDLE] = [constant(127), constant(0)]

function file(colour: JpegColour, planes: Int16Array[], isInverted = false, ids = [1, 2, 3, 4]): Promise<Uint8Array> {
  const components = planes.map((values, index): CoefficientPlane => {
    const quantisation = new Uint16Array(64).fill(8)
    return { id: ids[index] as number, sampling: [1, 1], blocks: [4, 4], quantisation, values }
  })
  return writeJpeg({ width: 32, height: 32, colour, inverted: isInverted, orientation: 1, components })
}

test('files of every colour that say the same picture get the same answer', async t => {
  const files = {
    ycbcr: await file('ycbcr', [shades, MIDDLE, MIDDLE]),
    rgb: await file('rgb', [shades, shades, shades], false, [82, 71, 66]),
    'cmyk, inverted': await file('cmyk', [shades, shades, shades, WHITE], true),
    ycck: await file('ycck', [inverted, MIDDLE, MIDDLE, WHITE], true),
  }
  const gray = await file('gray', [shades])
  for (const colour of ['linear', 'exact'] as const) {
    using model = createModel(paperResnet({ colour }), { seed: 4 })
    const expected = await logits(model, gray)
    t.true(apart(expected, await logits(model, jpegs[0] as Buffer)) > 1e-2, 'the image matters')
    for (const [name, bytes] of Object.entries(files)) {
      const difference = apart(await logits(model, bytes), expected)
      t.true(difference < 1e-4, `${colour}, ${name}: ${difference} apart`)
    }
  }
})

test('the amount of black darkens every ink alike', async t => {
  using model = createModel(paperResnet({ colour: 'exact' }), { seed: 4 })
  const flat = (level: number) => constant(level - 128)
  // 200 of 255 of white, of which the black leaves 51 of 255: 40.
  const printed = await file('cmyk', [flat(200), flat(200), flat(200), flat(51)], true)
  t.true(apart(await logits(model, printed), await logits(model, await file('gray', [flat(40)]))) < 1e-4)
})

test('a picture gets the same answer however it is turned in its file, if the file says so', async t => {
  using model = createModel(paperResnet(), { seed: 4 })
  const picture = await jpegCoefficients(fixture('variants/440.jpg'))
  const expected = await logits(model, await writeJpeg(picture))
  // The turn that undoes what each number asks for, from 1 on.
  const undoing = 'none flip-horizontal rotate-180 flip-vertical transpose rotate-270 transverse rotate-90'.split(' ')
  for (const [index, turn] of (undoing as Turn[]).entries()) {
    const stored = { ...(await transformJpeg(picture, { turn })), orientation: index + 1 }
    const bytes = await writeJpeg(stored)
    const difference = apart(await logits(model, bytes), expected)
    t.true(difference < 1e-4, `orientation ${index + 1}: ${difference} apart`)
    if (index === 0) continue
    const asStored = await logits(model, bytes, { orientation: 'stored' })
    const turned = await logits(model, await writeJpeg({ ...stored, orientation: 1 }))
    t.true(apart(asStored, turned) < 1e-5)
    t.true(apart(asStored, expected) > 1e-3, `orientation ${index + 1} matters`)
  }
})

test('orientation belongs to how a data set reads its files', async t => {
  using model = createModel(paperResnet({ classes: 2 }), { seed: 4 })
  const picture = await jpegCoefficients(fixture('variants/440.jpg'))
  const onItsSide = await writeJpeg({ ...picture, orientation: 6 })
  const turned = await writeJpeg(await transformJpeg(picture, { turn: 'rotate-90' }))
  const loss = async (jpeg: Uint8Array, orientation: 'exif' | 'stored') =>
    (
      await model.evaluate(
        jpegImages(
          [jpeg, jpeg].map((jpeg, at) => ({ jpeg, label: `${at}` })),
          { orientation },
        ),
      )
    ).loss
  t.true(Math.abs((await loss(onItsSide, 'exif')) - (await loss(turned, 'exif'))) < 1e-4)
  t.true(Math.abs((await loss(onItsSide, 'stored')) - (await loss(await writeJpeg(picture), 'exif'))) < 1e-5)
})

test('damaged files that are used are transformed as the others', async t => {
  const cut = (jpegs[0] as Buffer).subarray(0, 700)
  const images = [cut, ...jpegs.slice(1)].map((jpeg, at) => ({ jpeg, label: at % 2 ? 'odd' : 'even' }))
  const transform = [randomCrop(32, { padding: 4 }), randomHorizontalFlip()]
  using dataset = await loadDataset(jpegImages(images, { onError: 'use' }))
  t.is(dataset.warned.length, 1)
  using model = createModel(paperResnet({ classes: 2 }), { seed: 4 })
  const history = await model.fit(dataset, { epochs: 1, batchSize: 5, seed: 1, augment: transform })
  t.is(history.epochs.length, 1)
  const [prediction] = await model.predict([cut], { onError: 'use', transform })
  t.true(prediction?.warnings.some(({ message }) => message.includes('Premature end')))
  // What was read of it is what a file of the same coefficients gives.
  const same = await writeJpeg(await jpegCoefficients(cut, { onError: 'use' }))
  t.true(apart(prediction?.logits ?? [], await logits(model, same, { transform })) < 1e-5)
})
