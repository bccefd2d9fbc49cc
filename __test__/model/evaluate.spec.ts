/** What an evaluation says beside how many answers were right. */
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  createModel,
  jpegFolder,
  jpegImages,
  loadDataset,
  paperResnet,
  type LabelledImage,
  type Model,
  type PictureResult,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegs, tenImages } from '../fixtures/pictures.js'
import { io, reference } from '../fixtures/reference.js'

/** Labels drawn at random, some never; two classes have no picture. */
const LABELS = '966958810228904818048222629445555988652941818500401594898645'

/**
 * What scikit-learn 1.9.1 says of these labels and the reference's float64 logits, their means over the pictures taken away:
 * precision_recall_fscore_support (zero_division=0; averages over the classes that have pictures), confusion_matrix,
 * top_k_accuracy_score and log_loss.
 */
const SCIKIT_LEARN = {
  accuracy: 8 / 60,
  top5: 0.6,
  loss: 2.297978200924896,
  precision: [0, 0, 0.166666666667, 0, 0, 0, 0.111111111111, 0, 0.166666666667, 0.166666666667],
  recall: [0, 0, 0.142857142857, 0, 0, 0, 0.4, 0, 0.166666666667, 0.375],
  f1: [0, 0, 0.153846153846, 0, 0, 0, 0.173913043478, 0, 0.166666666667, 0.230769230769],
  support: [6, 5, 7, 0, 8, 9, 5, 0, 12, 8],
  macro: { precision: 0.07638888888888888, recall: 0.13556547619047618, f1: 0.09064938684503902 },
  confusion: [
    [0, 0, 0, 0, 1, 0, 2, 0, 0, 3],
    [0, 0, 0, 0, 1, 0, 1, 0, 1, 2],
    [0, 0, 1, 0, 0, 0, 2, 0, 2, 2],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 4, 0, 1, 3],
    [0, 0, 1, 0, 0, 0, 3, 0, 2, 3],
    [0, 0, 0, 0, 1, 0, 2, 0, 1, 1],
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 3, 0, 2, 0, 4, 0, 2, 1],
    [0, 0, 1, 0, 1, 0, 0, 0, 3, 3],
  ],
}

const randomImages: LabelledImage[] = [...LABELS].map((label, index) => {
  return { jpeg: jpegs[index % 10] as Buffer, label, name: `${index}.jpg` }
})

/** The reference network with its means taken away, so that it says more than one class. */
async function centred(t: ExecutionContext): Promise<Model> {
  const model = await reference()
  t.teardown(() => model.dispose())
  const logits = io.tensors.find(({ name }) => name === 'logits_15')?.values ?? new Float32Array()
  const mean = (label: number) => jpegs.reduce((sum, _, image) => sum + (logits[image * 10 + label] ?? NaN) / 10, 0)
  const tensors = await model.parameters()
  const bias = tensors.find(({ name }) => name === 'fc.bias')
  await model.load([
    { name: 'fc.bias', shape: [10], values: bias?.values.map((value, label) => value - mean(label)) as Float32Array },
  ])
  model.labels = [...'0123456789']
  return model
}

const near = (t: ExecutionContext, found: number | null | undefined, expected: number, within = 1e-11) =>
  t.true(Math.abs((found ?? NaN) - expected) <= within, `${found}, expected ${expected}`)

test('scores are those of scikit-learn', async t => {
  const model = await centred(t)
  const { images, accuracy, top5, loss, perClass, macro, confusion, mistakes, missing } = await model.evaluate(
    jpegImages(randomImages),
  )
  t.is(images, 60)
  near(t, accuracy, SCIKIT_LEARN.accuracy)
  near(t, top5?.accuracy, SCIKIT_LEARN.top5)
  t.is(top5?.correct, 36)
  near(t, loss, SCIKIT_LEARN.loss, 1e-4)
  t.deepEqual(confusion, SCIKIT_LEARN.confusion)
  t.deepEqual(
    perClass.map(({ images }) => images),
    SCIKIT_LEARN.support,
  )
  for (const [label, { images, said, precision, recall, f1 }] of perClass.entries()) {
    near(t, precision ?? 0, SCIKIT_LEARN.precision[label] as number)
    near(t, recall ?? 0, SCIKIT_LEARN.recall[label] as number)
    near(t, f1 ?? 0, SCIKIT_LEARN.f1[label] as number)
    t.deepEqual([precision === null, recall === null, f1 === null], [said === 0, images === 0, images === 0])
  }
  near(t, macro.precision, SCIKIT_LEARN.macro.precision)
  near(t, macro.recall, SCIKIT_LEARN.macro.recall)
  near(t, macro.f1, SCIKIT_LEARN.macro.f1)
  t.deepEqual(missing, ['3', '7'])
  t.deepEqual(mistakes.slice(0, 3), [
    { is: '4', said: '6', images: 4 },
    { is: '8', said: '6', images: 4 },
    { is: '0', said: '9', images: 3 },
  ])
})

test('every picture is told with what was said of it, and the most confident mistakes are kept', async t => {
  const model = await centred(t)
  const told: PictureResult[] = []
  const onPicture = async (result: PictureResult) => {
    await Promise.resolve()
    told.push(result)
  }
  const data = jpegImages(randomImages)
  const evaluation = await model.evaluate(data, { batchSize: 7, worst: 5, onPicture })
  t.deepEqual(
    told.map(({ file, index, label }) => [file, index, label]),
    [...LABELS].map((label, index) => [`${index}.jpg`, index, label]),
  )
  const predictions = await model.predict(jpegs)
  for (const { index, label, said, probability, labelProbability } of told) {
    const { classes = [] } = predictions[index % 10] ?? {}
    t.is(said, classes[0]?.label ?? '')
    near(t, probability, classes[0]?.probability as number, 1e-4)
    near(t, labelProbability, classes.find(other => other.label === label)?.probability as number, 1e-4)
  }
  const wrong = told.filter(({ label, said }) => label !== said)
  const worst = wrong.toSorted((a, b) => b.probability - a.probability || a.index - b.index).slice(0, 5)
  t.deepEqual(evaluation.worst, worst)
  t.is((await model.evaluate(data)).worst.length, 12)
  t.deepEqual((await model.evaluate(data, { worst: 0 })).worst, [])
})

test('what is told of a picture is waited for, and its error ends the evaluation', async t => {
  const model = await centred(t)
  const full = new Error('the disk is full')
  const error = await t.throwsAsync(
    model.evaluate(jpegImages(tenImages), {
      onPicture: async () => {
        await Promise.resolve()
        throw full
      },
    }),
  )
  t.is(error, full)
})

test('five classes or fewer have no top five', async t => {
  using model = createModel(paperResnet({ classes: 2 }))
  const images = jpegs.map((jpeg, index) => ({ jpeg, label: index % 2 ? 'odd' : 'even' }))
  t.false('top5' in (await model.evaluate(jpegImages(images))))
})

const bees = () => createModel(paperResnet({ classes: 3 }), { labels: ['ant', 'bee', 'cat'] })
const labelled = (...labels: string[]) => labels.map((label, index) => ({ jpeg: jpegs[index] as Buffer, label }))

test('a data set that lacks classes of the model is measured on those it has', async t => {
  using model = bees()
  const { images, missing, perClass, confusion } = await model.evaluate(jpegImages(labelled('ant', 'ant', 'cat')))
  t.is(images, 3)
  t.deepEqual(missing, ['bee'])
  t.deepEqual(
    perClass.map(({ label, images }) => [label, images]),
    [
      ['ant', 2],
      ['bee', 0],
      ['cat', 1],
    ],
  )
  t.deepEqual(confusion[1], [0, 0, 0])
  t.deepEqual((await model.evaluate(jpegImages(labelled('cat')))).missing, ['ant', 'bee'])
})

test('a part of a data set lacks the classes that it has no pictures of', async t => {
  using model = bees()
  using whole = await loadDataset(jpegImages(labelled('ant', 'bee', 'cat')))
  using part = whole.subset([2, 1])
  const { missing, worst } = await model.evaluate(part, { worst: 3 })
  t.deepEqual(missing, ['ant'])
  t.true(worst.every(({ file, index }) => file === part.files[index]))
})

test('classes that the model does not know are named with their pictures, or left out', async t => {
  using model = bees()
  const data = jpegImages(labelled('ant', 'dog', 'bee', 'dog', 'elk'))
  await failsWith(t, () => model.evaluate(data), {
    code: 'LABELS_MISMATCH',
    path: 'jpegImages',
    expected: "images of the model's classes (ant, bee, cat)",
    found: '2 of dog, 1 of elk, which it does not know',
  })
  const told: string[] = []
  const { images, leftOut, confusion } = await model.evaluate(data, {
    unknownClasses: 'skip',
    onPicture: ({ label, index }) => void told.push(`${index} ${label}`),
  })
  t.is(images, 2)
  t.deepEqual(leftOut, [
    { name: 'dog', images: 2 },
    { name: 'elk', images: 1 },
  ])
  t.is(
    confusion.flat().reduce((sum, count) => sum + count),
    2,
  )
  t.deepEqual(told, ['0 ant', '2 bee'])
  await failsWith(t, () => model.evaluate(jpegImages(labelled('dog')), { unknownClasses: 'skip' }), {
    code: 'LABELS_MISMATCH',
    found: '1 of dog and no others',
  })
})

test('a training is tested on some of its classes, and refuses others before its first step', async t => {
  using model = createModel(paperResnet({ classes: 2 }))
  const data = jpegImages(labelled('ant', 'bee'))
  const { epochs } = await model.fit(data, { epochs: 1, test: jpegImages(labelled('bee')) })
  t.is(epochs[0]?.test?.images, 1)
  await failsWith(t, () => model.fit(data, { epochs: 1, test: jpegImages(labelled('bee', 'cat')) }), {
    code: 'LABELS_MISMATCH',
    found: '1 of cat, which it does not know',
  })
})

test('files of a folder are told by their paths', async t => {
  const folder = await folderOf(t, { 'ant/1.jpg': jpegs[0] as Buffer, 'bee/2.jpg': jpegs[1] as Buffer })
  using model = bees()
  const files: string[] = []
  await model.evaluate(jpegFolder(folder), { onPicture: ({ file }) => void files.push(file) })
  t.deepEqual(files, [join(folder, 'ant/1.jpg'), join(folder, 'bee/2.jpg')])
})
