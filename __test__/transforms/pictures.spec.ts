/** What models see of pictures: of their own size and of others, as a transform says. */
import test from 'ava'
import sharp from 'sharp'
import {
  centerCrop,
  cover,
  createModel,
  crop,
  evaluationTransform,
  grayscale,
  jpegImages,
  loadDataset,
  loadModel,
  pad,
  paperResnet,
  randomHorizontalFlip,
  randomRightAngle,
  resize,
  resnet,
  type LabelledImage,
  type Model,
  type Picture,
  type Transform,
} from '../../src-ts/index.js'
import { jpegs, tenImages } from '../fixtures/pictures.js'
import { modelPath } from '../fixtures/training.js'

/** A smooth picture of any size. */
async function photograph(width: number, height: number, quality = 95): Promise<Buffer> {
  const raw = Buffer.alloc(width * height * 3)
  for (let at = 0; at < width * height; at += 1) {
    const [x, y] = [(at % width) / width, Math.floor(at / width) / height]
    raw[3 * at] = 128 + 90 * Math.sin(5 * x + 2 * y)
    raw[3 * at + 1] = 128 + 90 * Math.cos(4 * y - x)
    raw[3 * at + 2] = 255 * x * y
  }
  return sharp(raw, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer()
}

async function logits(model: Model, pictures: Picture[], transform?: readonly Transform[]): Promise<number[][]> {
  const predictions = await model.predict(pictures, { transform })
  return predictions.map(prediction => [...prediction.logits])
}

const difference = (a: number[][], b: number[][]) =>
  Math.max(...a.flatMap((row, image) => row.map((value, index) => Math.abs(value - (b[image]?.[index] ?? NaN)))))

const images = (pictures: Uint8Array[]): LabelledImage[] =>
  pictures.map((jpeg, index) => ({ jpeg, label: String(index % 2) }))

test('pictures of other sizes are resized in proportion until they cover the model, and cut to their middle', async t => {
  using model = createModel(paperResnet({ height: 40, width: 24 }))
  const pictures = [
    await photograph(100, 60),
    await photograph(24, 41),
    await photograph(7, 90),
    await photograph(5, 5),
  ]
  const found = await logits(model, pictures)
  t.deepEqual(found, await logits(model, pictures, [cover({ width: 24, height: 40 })]))
  // The larger factor makes 67×40 of 100×60.
  const first = await logits(model, pictures.slice(0, 1), [
    resize({ width: 67, height: 40 }),
    centerCrop({ width: 24, height: 40 }),
  ])
  t.deepEqual(found.slice(0, 1), first)
})

test('pictures of the size are read as they are, whichever way it is said', async t => {
  using model = createModel(paperResnet())
  const plain = await logits(model, jpegs)
  for (const transform of [[], [cover(32)], [resize(32), centerCrop(32)], [randomRightAngle([0])]]) {
    t.deepEqual(await logits(model, jpegs, transform), plain)
  }
  const turned = await logits(model, jpegs, [randomRightAngle([2]), randomRightAngle([2])])
  t.deepEqual(turned, plain)
})

test('a resized picture is answered as the file of the resized picture', async t => {
  using model = createModel(paperResnet({ height: 48, width: 48 }), { seed: 2 })
  const raw = await sharp(await photograph(96, 96))
    .resize(48, 48, { kernel: 'linear' })
    .raw()
    .toBuffer()
  const file = await sharp(raw, { raw: { width: 48, height: 48, channels: 3 } })
    .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
    .toBuffer()
  const answers = await logits(model, [await photograph(96, 96), file, jpegs[0] as Buffer])
  const [apart, usual] = [difference([answers[0]!], [answers[1]!]), difference([answers[1]!], [answers[2]!])]
  t.log(`logits are ${apart} apart, those of two pictures ${usual}`)
  t.true(apart < usual / 50)
})

test('what a definition says happens to pictures, unless a call says otherwise', async t => {
  const transform = [crop({ left: 4, top: 2, width: 20, height: 28 }), pad(2, { mode: 'edge' }), grayscale()]
  using plain = createModel(paperResnet({ classes: 2 }))
  using model = createModel(paperResnet({ classes: 2, transform }))
  const expected = await logits(plain, jpegs, transform)
  t.true(difference(expected, await logits(plain, jpegs)) > 1e-3, 'it matters')
  // Another model may be planned otherwise, and round otherwise.
  t.true(difference(await logits(model, jpegs), expected) < 1e-6)
  t.true(difference(await logits(model, jpegs, []), await logits(plain, jpegs)) < 1e-6)
  const data = jpegImages(images(jpegs))
  const evaluated = async (of: Model, transform?: Transform[]) => (await of.evaluate(data, { transform })).loss
  const apart = async (a: Promise<number>, b: Promise<number>) => Math.abs((await a) - (await b))
  t.true((await apart(evaluated(model), evaluated(plain, transform))) < 1e-6)
  t.true((await apart(evaluated(model, []), evaluated(plain))) < 1e-6)
  t.true((await apart(evaluated(model), evaluated(plain))) > 1e-4)
})

test('test pictures of a training go through the definition’s transform, training pictures do not', async t => {
  const stages = [{ blocks: 1, channels: 4 }]
  const transform = [randomRightAngle([1])]
  using model = createModel(resnet({ stages, classes: 2, transform }), { seed: 1 })
  using plain = createModel(resnet({ stages, classes: 2 }), { seed: 1 })
  using data = await loadDataset(jpegImages(images(jpegs)))
  const [turned, upright] = [
    await model.fit(data, { epochs: 1, test: data }),
    await plain.fit(data, { epochs: 1, test: data }),
  ]
  t.is(turned.epochs[0]?.loss, upright.epochs[0]?.loss)
  t.not(turned.epochs[0]?.test?.loss, upright.epochs[0]?.test?.loss)
  const again = await plain.evaluate(data, { transform })
  t.true(Math.abs((turned.epochs[0]?.test?.loss ?? NaN) - again.loss) < 1e-6)
})

test('a profile is of the pictures that the network reads', async t => {
  using model = createModel(paperResnet())
  const plan = await model.profile([await photograph(80, 60)], { rounds: 1 })
  t.true(plan.steps.length > 0)
})

test('a model file keeps what its definition does to pictures', async t => {
  const path = await modelPath(t)
  const transform = evaluationTransform(32, { interpolation: 'bicubic' })
  using model = createModel(paperResnet({ transform }))
  await model.save(path)
  using loaded = await loadModel(path)
  t.deepEqual(loaded.definition, model.definition)
  t.deepEqual(loaded.definition.input.transform, transform)
  const pictures = [await photograph(90, 70)]
  t.true(difference(await logits(loaded, pictures), await logits(model, pictures)) < 1e-6)
  await createModel(paperResnet()).save(path)
  using without = await loadModel(path)
  t.is(without.definition.input.transform, undefined)
})

test('random transforms of a call are the same in every call', async t => {
  using model = createModel(paperResnet())
  const transform = [randomHorizontalFlip()]
  const found = await logits(model, jpegs, transform)
  t.deepEqual(await logits(model, jpegs, transform), found)
  const plain = await logits(model, jpegs)
  const flipped = await logits(model, jpegs, [randomHorizontalFlip({ probability: 1 })])
  for (const [index, row] of found.entries()) {
    t.true(
      [plain[index], flipped[index]].some(way => difference([row], [way ?? []]) < 1e-4),
      `image ${index}`,
    )
  }
})

test('gray models read the luma of any transform', async t => {
  using model = createModel(paperResnet({ channels: 1 }))
  const transform = [resize({ width: 50, height: 40 })]
  const found = await logits(model, jpegs, [...transform, grayscale()])
  t.true(difference(found, await logits(model, jpegs, transform)) < 1e-4)
  t.is(tenImages.length, found.length)
})
