/** What transforms are as data: their defaults, and what is refused. */
import test from 'ava'
import {
  centerCrop,
  colorJitter,
  cover,
  createModel,
  crop,
  cutMix,
  cutout,
  evaluationTransform,
  grayscale,
  mixup,
  pad,
  paperResnet,
  randomCrop,
  randomErasing,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  randomRightAngle,
  randomVerticalFlip,
  resize,
  type Transform,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { data, newModel } from '../fixtures/training.js'

const black = { mode: 'constant', fill: 0 }

test('transforms are plain data with their defaults', t => {
  const filter = 'bilinear'
  t.deepEqual(resize(256), { type: 'resize', size: { shorter: 256 }, filter })
  t.deepEqual(resize({ width: 3, height: 5 }, { interpolation: 'lanczos' }), {
    type: 'resize',
    size: { width: 3, height: 5 },
    filter: 'lanczos',
  })
  const part = { left: 1, top: 2, width: 3, height: 4 }
  t.deepEqual(crop(part), { type: 'crop', ...part })
  t.deepEqual(centerCrop(224), { type: 'centerCrop', width: 224, height: 224 })
  t.deepEqual(cover({ width: 9, height: 7 }), { type: 'cover', width: 9, height: 7, filter })
  t.deepEqual(pad(3), { type: 'pad', sides: [3, 3, 3, 3], padding: black })
  t.deepEqual(pad([1, 2, 3, 4], { mode: 'edge' }), { type: 'pad', sides: [1, 2, 3, 4], padding: { mode: 'edge' } })
  t.deepEqual(randomCrop(32), { type: 'randomCrop', width: 32, height: 32, margin: 0, padding: black })
  t.deepEqual(randomCrop(32, { padding: 4, fill: 'mean' }), {
    type: 'randomCrop',
    width: 32,
    height: 32,
    margin: 4,
    padding: { mode: 'constant', fill: 'mean' },
  })
  t.deepEqual(randomResizedCrop(224), {
    type: 'randomResizedCrop',
    width: 224,
    height: 224,
    scale: [0.08, 1],
    ratio: [3 / 4, 4 / 3],
    filter,
  })
  t.deepEqual(randomHorizontalFlip(), { type: 'flipHorizontally', probability: 0.5 })
  t.deepEqual(randomVerticalFlip({ probability: 0.2 }), { type: 'flipVertically', probability: 0.2 })
  t.deepEqual(randomRightAngle(), { type: 'rotate', quarters: [0, 1, 2, 3] })
  t.deepEqual(randomRightAngle([1]), { type: 'rotate', quarters: [1] })
  t.deepEqual(colorJitter({ brightness: 0.4, contrast: 1.5, saturation: [0, 3] }), {
    type: 'colorJitter',
    brightness: [0.6, 1.4],
    contrast: [0, 2.5],
    saturation: [0, 3],
  })
  t.deepEqual(grayscale(), { type: 'gray', probability: 1 })
  t.deepEqual(randomGrayscale(), { type: 'gray', probability: 0.1 })
  t.deepEqual(randomErasing(), {
    type: 'randomErasing',
    probability: 0.5,
    scale: [0.02, 0.33],
    ratio: [0.3, 3.3],
    fill: 'mean',
  })
  t.deepEqual(cutout(16), { type: 'cutout', size: 16, fill: 'mean' })
  t.deepEqual(mixup(), { type: 'mixup', alpha: 0.2, probability: 1 })
  t.deepEqual(cutMix({ probability: 0.5 }), { type: 'cutMix', alpha: 1, probability: 0.5 })
})

test('the evaluation transform is that of torchvision: 256 and 224, or in that proportion', t => {
  t.deepEqual(evaluationTransform(), [resize(256), centerCrop(224)])
  t.deepEqual(evaluationTransform(96), [resize(110), centerCrop(96)])
  const bicubic = { interpolation: 'bicubic' } as const
  t.deepEqual(evaluationTransform(224, { resizeTo: 232, ...bicubic }), [resize(232, bicubic), centerCrop(224)])
})

test('transforms cannot be changed', t => {
  t.true(Object.isFrozen(resize(3)) && Object.isFrozen((randomCrop(8) as { padding: object }).padding))
  t.true(Object.isFrozen(evaluationTransform()))
})

// Wrong on purpose.
const any = (value: unknown) => value as never
const wrong: [string, () => unknown, string][] = [
  ['a side of 0', () => resize(0), 'resize.size'],
  ['half a pixel', () => centerCrop(1.5), 'centerCrop.size'],
  ['a side longer than a JPEG can have', () => cover(65_501), 'cover.size'],
  ['a size without a height', () => resize(any({ width: 3 })), 'resize.size.height'],
  ['a filter that is none', () => resize(3, { interpolation: any('nearest') }), 'resize.interpolation'],
  ['an unknown option', () => randomResizedCrop(8, any({ scales: [1, 1] })), 'randomResizedCrop.scales'],
  ['a crop left of the picture', () => crop({ left: -1, top: 0, width: 1, height: 1 }), 'crop.left'],
  ['three sides of padding', () => pad(any([1, 2, 3])), 'pad.pixels'],
  ['a padding that is none', () => pad(1, { mode: any('wrap') }), 'pad.mode'],
  ['two grey levels', () => pad(1, { fill: any([1, 2]) }), 'pad.fill'],
  ['negative padding', () => randomCrop(8, { padding: -1 }), 'randomCrop.padding'],
  ['shares in the wrong order', () => randomResizedCrop(8, { scale: [1, 0.5] }), 'randomResizedCrop.scale'],
  ['a proportion of 0', () => randomResizedCrop(8, { ratio: [0, 1] }), 'randomResizedCrop.ratio.0'],
  ['a probability above 1', () => randomHorizontalFlip({ probability: 1.1 }), 'randomHorizontalFlip.probability'],
  ['five right angles', () => randomRightAngle([5]), 'randomRightAngle.quarters.0'],
  ['no right angles', () => randomRightAngle([]), 'randomRightAngle.quarters'],
  ['a negative amount', () => colorJitter({ contrast: -0.1 }), 'colorJitter.contrast'],
  ['a hue', () => colorJitter(any({ hue: 0.1 })), 'colorJitter.hue'],
  ['an erased share of 0', () => randomErasing({ scale: [0, 0.3] }), 'randomErasing.scale.0'],
  ['a colour by name', () => cutout(3, { fill: any('red') }), 'cutout.fill'],
  ['an α of 0', () => mixup({ alpha: 0 }), 'mixup.alpha'],
  ['a probability that is no number', () => cutMix({ probability: NaN }), 'cutMix.probability'],
]
for (const [what, make, path] of wrong) {
  test(`${what} is refused`, t => failsWith(t, make, { code: 'INVALID_OPTION', path }).then(() => undefined))
}

const misplaced: [string, Transform[], number][] = [
  ['geometry after colours', [grayscale(), resize(32)], 1],
  ['geometry after erasing', [resize(32), cutout(3), randomCrop(32)], 2],
  ['colours after erasing', [cutout(3), colorJitter({ contrast: 1 })], 1],
]
for (const [what, transforms, at] of misplaced) {
  test(`${what} is refused wherever a list is given`, async t => {
    using model = newModel()
    const code = 'INVALID_OPTION'
    const expected = 'transforms of geometry, then of colours, then of erasing'
    await failsWith(t, () => model.fit(data, { augment: transforms }), { code, path: `train.augment.${at}`, expected })
    await failsWith(t, () => model.predict([], { transform: transforms }), { code, path: `predict.transform.${at}` })
    await failsWith(t, () => model.evaluate(data, { transform: transforms }), {
      code,
      path: `evaluate.transform.${at}`,
    })
    await failsWith(t, () => paperResnet({ transform: transforms }), { code, path: `paperResnet.transform.${at}` })
  })
}

test('what is no transform is refused', async t => {
  using model = createModel(paperResnet())
  const augment = any([{ type: 'shear' }])
  const mix = any([{ type: 'mixup' }])
  await failsWith(t, () => model.fit(data, { augment }), { code: 'INVALID_OPTION', path: 'train.augment.0.type' })
  await failsWith(t, () => model.fit(data, { mix }), { code: 'INVALID_OPTION', path: 'train.mix.0.alpha' })
})

test('a list that pads in two colours is refused', async t => {
  using model = newModel()
  const augment = [pad(1, { fill: 255 }), randomCrop(32, { padding: 2 })]
  await failsWith(t, () => model.fit(data, { augment }), { code: 'INVALID_OPTION', message: 'one colour of padding' })
})
