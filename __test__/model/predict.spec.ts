import { join } from 'node:path'
import test from 'ava'
import { createModel, crop, jpegImages, loadDataset, paperResnet, type EvaluateProgress } from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { fixture, folderOf, jpegPaths, jpegs, temporaryFolder, tenImages } from '../fixtures/pictures.js'
import { io, reference } from '../fixtures/reference.js'

function truth(frequencies: number): number[][] {
  const name = `logits_${String(frequencies).padStart(2, '0')}`
  const { values } = io.tensors.find(tensor => tensor.name === name) ?? { values: new Float32Array() }
  return Array.from({ length: 10 }, (_, image) => [...values.subarray(image * 10, image * 10 + 10)])
}

/** Mean cross-entropy of logits with these labels. */
function meanLoss(logits: number[][], labelOf: (image: number) => number): number {
  const losses = logits.map((row, image) => {
    const sum = row.reduce((total, logit) => total + Math.exp(logit), 0)
    return Math.log(sum) - (row[labelOf(image)] as number)
  })
  return losses.reduce((total, loss) => total + loss, 0) / losses.length
}

for (const frequencies of [1, 4, 6, 8, 12, 15]) {
  test(`logits are the reference's at φ = ${frequencies}`, async t => {
    using model = await reference()
    const predictions = await model.predict(jpegPaths, { frequencies })
    const errors = predictions.flatMap(({ logits }, image) =>
      logits.map((logit, label) => Math.abs(logit - (truth(frequencies)[image]?.[label] as number))),
    )
    t.is(errors.length, 100)
    t.true(Math.max(...errors) < 1e-3, `largest error ${Math.max(...errors)}`)
  })
}

test('paths, bytes and named bytes are classified in their order, whatever the batch', async t => {
  using model = await reference()
  const mixed = jpegPaths.map((path, index) => {
    const jpeg = jpegs[index] as Uint8Array
    return [path, jpeg, { name: `the ${index}`, jpeg }][index % 3] as string
  })
  const predictions = await model.predict(mixed, { batchSize: 4 })
  // The engine may compute a convolution in another way for another batch: the same map, rounded otherwise.
  const whole = (await model.predict(jpegPaths)).flatMap(({ logits }) => logits)
  const errors = predictions
    .flatMap(({ logits }) => logits)
    .map((logit, index) => Math.abs(logit - (whole[index] ?? NaN)))
  t.is(errors.length, 100)
  t.true(Math.max(...errors) < 1e-4, `largest difference ${Math.max(...errors)}`)
  t.deepEqual(
    predictions.slice(0, 3).map(({ file }) => file),
    [jpegPaths[0] as string, 'image 1', 'the 2'],
  )
  t.deepEqual(predictions[9]?.file, jpegPaths[9])
})

test('classes are sorted by probability, which add up to 1 and follow from the logits', async t => {
  using model = await reference()
  model.labels = [...'abcdefghij']
  const [prediction] = await model.predict(jpegPaths[3] as string)
  const { classes = [], logits = [] } = prediction ?? {}
  t.deepEqual(classes.map(({ label }) => label).sort(), [...'abcdefghij'])
  t.true(
    classes.every(({ probability }, index) => index === 0 || probability <= (classes[index - 1]?.probability ?? 0)),
  )
  t.true(Math.abs(classes.reduce((sum, { probability }) => sum + probability, 0) - 1) < 1e-12)
  t.is(classes[0]?.label, 'abcdefghij'[logits.indexOf(Math.max(...logits))])
  const ratio = (classes[0]?.probability ?? 0) / (classes[9]?.probability ?? 1)
  t.true(Math.abs(Math.log(ratio) - (Math.max(...logits) - Math.min(...logits))) < 1e-9)
})

test('classes without names are numbered', async t => {
  using model = await reference()
  const [prediction] = await model.predict(jpegPaths[0] as string)
  t.deepEqual(prediction?.classes.map(({ label }) => label).sort(), [...'0123456789'])
})

test('no pictures give no predictions', async t => {
  using model = await reference()
  t.deepEqual(await model.predict([]), [])
})

const refuses = test.macro(
  async (t, files: Record<string, Uint8Array | string>, picked: string[], expected: Expected) => {
    const folder = await folderOf(t, files)
    using model = createModel(paperResnet())
    const action = () => model.predict(picked.map(name => join(folder, name)))
    const path = join(folder, picked.at(-1) as string)
    await failsWith(t, action, { path, message: path, ...expected })
  },
)
const good = jpegs[0] as Buffer
test('a file that is not there is named', refuses, { 'a.jpg': good }, ['a.jpg', 'b.jpg'], { code: 'FILE_NOT_FOUND' })
test('an empty file is named', refuses, { 'a.jpg': good, 'b.jpg': '' }, ['a.jpg', 'b.jpg'], { code: 'EMPTY_FILE' })
test('a folder in place of a file is named', refuses, { 'a/b.jpg': good }, ['a'], { code: 'FILE_UNREADABLE' })

test('a picture that a crop does not fit is named with both sizes', async t => {
  using model = createModel(paperResnet())
  const transform = [crop({ left: 8, top: 0, width: 32, height: 32 })]
  await failsWith(t, () => model.predict(jpegPaths[0] as string, { transform }), {
    code: 'SIZE_MISMATCH',
    path: jpegPaths[0] as string,
    expected: 'at least 40×32',
    found: '32×32',
  })
})

test('of many pictures, all that a crop does not fit are named', async t => {
  using model = createModel(paperResnet())
  const transform = [crop({ left: 0, top: 0, width: 32, height: 32 })]
  const small = [fixture('variants/odd.jpg'), fixture('variants/sampling-4x1.jpg')] as const
  const pictures = [jpegPaths[0] as string, small[0], jpegPaths[1] as string, small[1]]
  const error = await failsWith(t, () => model.predict(pictures, { transform }), {
    code: 'SIZE_MISMATCH',
    path: small[0],
    message: '2 files cannot be used',
  })
  t.true(small.every(path => error.message.includes(path)))
})

for (const options of [
  { frequencies: 0 },
  { frequencies: 16 },
  { mode: 'soft' as never },
  { masking: 'exact' as never },
  { batchSize: 0 },
]) {
  test(`predict refuses ${JSON.stringify(options)}`, async t => {
    using model = createModel(paperResnet())
    const [key] = Object.keys(options)
    await failsWith(t, () => model.predict(jpegPaths, options), { code: 'INVALID_OPTION', path: `predict.${key}` })
    await failsWith(t, () => model.evaluate(jpegImages(tenImages), options), {
      code: 'INVALID_OPTION',
      path: `evaluate.${key}`,
    })
  })
}

test('what is no picture is refused', async t => {
  using model = createModel(paperResnet())
  await failsWith(t, () => model.predict([7] as never), { code: 'INVALID_OPTION', path: 'predict.0', found: '7' })
})

test('an evaluation counts right answers, losses and confusions, whatever the batch', async t => {
  using model = await reference()
  const evaluation = await model.evaluate(jpegImages(tenImages), { batchSize: 3 })
  const logits = truth(15)
  const said = logits.map(row => row.indexOf(Math.max(...row)))
  const correct = said.filter((label, image) => label === image).length
  t.deepEqual([evaluation.images, evaluation.correct, evaluation.accuracy], [10, correct, correct / 10])
  const loss = meanLoss(logits, image => image)
  t.true(Math.abs(evaluation.loss - loss) < 1e-3, `${evaluation.loss}, expected ${loss}`)
  said.forEach((label, image) => t.is(evaluation.confusion[image]?.[label], 1))
  t.deepEqual(evaluation.labels, [...'0123456789'])
  t.deepEqual((await model.evaluate(jpegImages(tenImages))).confusion, evaluation.confusion)
})

test('masking changes an evaluation as it changes predictions', async t => {
  using model = await reference()
  const { loss } = await model.evaluate(jpegImages(tenImages), { mode: 'approximated', frequencies: 1 })
  t.true(Math.abs(loss - meanLoss(truth(1), image => image)) < 1e-3)
  t.true(Math.abs(loss - meanLoss(truth(15), image => image)) > 1e-2, 'masking matters')
})

test('an evaluation takes a data set again and again and leaves it to its owner', async t => {
  using model = await reference()
  using dataset = await loadDataset(jpegImages(tenImages))
  const { loss } = await model.evaluate(dataset)
  t.is((await model.evaluate(dataset)).loss, loss)
  t.is(dataset.length, 10)
})

test('an evaluation tells its progress: reading, then classifying', async t => {
  using model = await reference()
  const told: EvaluateProgress[] = []
  await model.evaluate(jpegImages(tenImages), { batchSize: 6, onProgress: progress => told.push(progress) })
  t.deepEqual(told, [
    { type: 'data', done: 10, total: 10, skipped: 0 },
    { type: 'evaluate', done: 6, total: 10 },
    { type: 'evaluate', done: 10, total: 10 },
  ])
})

test('classes are matched by name, whatever their order', async t => {
  using model = await reference()
  model.labels = [...'9876543210']
  const { loss, correct } = await model.evaluate(jpegImages(tenImages))
  const logits = truth(15)
  t.is(correct, logits.filter((row, image) => row.indexOf(Math.max(...row)) === 9 - image).length)
  const swapped = meanLoss(logits, image => 9 - image)
  t.true(Math.abs(loss - swapped) < 1e-3, `${loss}, expected ${swapped}`)
  t.true(Math.abs(swapped - meanLoss(logits, image => image)) > 0.05, 'the order matters')
})

test('a model without names for its classes takes data of as many', async t => {
  using model = createModel(paperResnet())
  await failsWith(t, () => model.evaluate(jpegImages([{ jpeg: good, label: 'cat' }])), {
    code: 'LABELS_MISMATCH',
    expected: "the model's 10 classes",
    found: '1 (cat)',
  })
})

test('an evaluation or prediction can be aborted', async t => {
  using model = createModel(paperResnet())
  const controller = new AbortController()
  const onProgress = ({ type }: EvaluateProgress) => {
    if (type === 'evaluate') controller.abort()
  }
  const { signal } = controller
  await failsWith(t, () => model.evaluate(jpegImages(tenImages), { batchSize: 2, signal, onProgress }), {
    code: 'ABORTED',
  })
  await failsWith(t, () => model.predict(jpegPaths, { signal }), { code: 'ABORTED' })
})

test('a model is still there after it refused', async t => {
  using model = await reference()
  const missing = join(await temporaryFolder(t), 'none.jpg')
  await failsWith(t, () => model.predict([jpegPaths[0] as string, missing]), { code: 'FILE_NOT_FOUND' })
  t.is((await model.predict(jpegPaths)).length, 10)
})
