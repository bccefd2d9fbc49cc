import {
  createModel,
  explainPicture,
  exportOnnx,
  jpegCoefficients,
  jpegFolder,
  jpegImages,
  jpegList,
  jpegTar,
} from 'jpegnet'
import { loadDataset, loadModel, ModelError, resnet, TrainingRecord, trainingReport, writeJpeg } from 'jpegnet'
import { readFile } from 'node:fs/promises'

/** A little of everything that the package does, and each of the libraries that it loads only when they are needed. */
async function tryAll() {
  const model = createModel(resnet({ classes: 2, stages: [{ blocks: 1, channels: 8 }] }), { seed: 1 })
  const events = []
  for await (const event of model.train(jpegFolder('pictures'), { epochs: 2, batchSize: 4, seed: 1 }))
    events.push(event)
  expect(events.filter(({ type }) => type === 'epoch').length === 2, 'two epochs')

  const [prediction] = await model.predict('pictures/even/0.jpg')
  expect(prediction.classes.length === 2 && prediction.logits.every(Number.isFinite), 'a prediction')
  const [again] = await model.predict(new Uint8Array(await readFile('pictures/even/0.jpg')))
  expect(again.logits.join() === prediction.logits.join(), 'the same of bytes')

  const page = await explainPicture(model, 'pictures/even/0.jpg')
  expect(
    /class Features[^]*<\/html>/.test(page) && /<style>[^]*\.tiles[^]*<\/style>/.test(page),
    'a page with its script and style',
  )
  expect(/<svg[^]*<\/svg>/.test(page), 'with a chart')
  const record = new TrainingRecord()
  for (const event of events) record.add(event)
  expect((await trainingReport({ model, record })).includes('<svg'), 'a report')

  expect((await exportOnnx(model)).length > 1000, 'an ONNX file')
  const coefficients = await jpegCoefficients('pictures/even/0.jpg')
  expect((await writeJpeg(coefficients)).length > 100, 'a JPEG file')
  for (const source of [
    jpegTar('pictures.tar'),
    jpegList('pictures.csv'),
    jpegImages([{ jpeg: await readFile('pictures/even/0.jpg'), label: 'even', name: '0' }]),
  ]) {
    const dataset = await loadDataset(source)
    expect(dataset.length > 0, source.type)
    dataset.dispose()
  }

  const file = `${Math.random()}.model`
  await model.save(file)
  const loaded = await loadModel(file)
  const [same] = await loaded.predict('pictures/even/0.jpg')
  expect(same.logits.join() === prediction.logits.join(), 'the same of a saved model')

  const error = await model.predict('nothing.jpg').then(
    () => undefined,
    cause => cause,
  )
  expect(error instanceof ModelError && error.code === 'FILE_NOT_FOUND', 'a ModelError')
  model.dispose()
  loaded.dispose()
  return 'all of it works'
}

function expect(right, what) {
  if (!right) throw new Error(`expected ${what}`)
}
