/** Pages about evaluations, and what a record of a training keeps for its page. */
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import sharp from 'sharp'
import {
  createModel,
  evaluationReport,
  jpegImages,
  loadDataset,
  paperResnet,
  resize,
  trainingReport,
  TrainingRecord,
  type Evaluation,
  type LabelledImage,
  type Model,
  type StartEvent,
  type TrainEvent,
} from '../../src-ts/index.js'
import { startBrowser } from '../fixtures/browser.js'
import { folderOf, jpegs, tenImages, twoClasses } from '../fixtures/pictures.js'

/** A model, the data set, and how the one does on the other. */
async function evaluated(t: ExecutionContext, images: readonly LabelledImage[], model: Model) {
  const data = await loadDataset(jpegImages(images))
  t.teardown(() => (data.dispose(), model.dispose()))
  return { model, data, evaluation: await model.evaluate(data) }
}

const pictures = (html: string) =>
  [...html.matchAll(/src="data:image\/jpeg;base64,([^"]*)"/g)].map(([, text = '']) => Buffer.from(text, 'base64'))

/** Pixels of a file in colour, at a size. */
const pixels = (jpeg: Buffer, width?: number, height?: number) =>
  sharp(jpeg).autoOrient().resize(width, height, { fit: 'fill' }).toColourspace('srgb').removeAlpha().raw().toBuffer()

test('a page of an evaluation tells scores by class and shows the worst files with what was said', async t => {
  const { evaluation, ...told } = await evaluated(t, tenImages, createModel(paperResnet()))
  const html = await evaluationReport({ ...told, evaluation, command: 'jpegnet evaluate a.model b' })
  t.true(html.includes(`<strong>${(100 * evaluation.accuracy).toFixed(2)} %</strong>`))
  t.true(html.includes('aria-label="confusion matrix"'))
  t.false(/<script|<link|@import|url\(|\son\w+=/.test(html))
  t.is(pictures(html).length, evaluation.worst.length)
  for (const { said, label, file, probability } of evaluation.worst) {
    const share = `${(100 * probability).toFixed(1)}&nbsp;%`
    t.regex(html, new RegExp(`said <span class="verdict">${said} ${share}</span><br>is ${label} .*${file}`))
  }
  t.true(html.includes('<td>jpegnet evaluate a.model b</td>'))
})

test('large pictures are shown small, upright and in their colours, without what else their files say', async t => {
  const shape = { width: 1210, height: 800, fit: 'fill', kernel: 'cubic' } as const
  const large = (jpeg: Buffer) => sharp(jpeg).resize(shape)
  const [first, second, third] = jpegs as [Buffer, Buffer, Buffer]
  const row = await sharp(first).resize(3000, 1, { fit: 'fill' }).png().toBuffer()
  const files = [
    await large(first).jpeg({ chromaSubsampling: '4:2:0' }).withMetadata({ orientation: 6 }).toBuffer(),
    await large(second).jpeg({ chromaSubsampling: '4:4:4', progressive: true }).toBuffer(),
    await large(third).grayscale().toColourspace('b-w').jpeg().toBuffer(),
    await sharp(first).resize(5000, 3000, { fit: 'fill', kernel: 'cubic' }).jpeg().toBuffer(),
    await sharp(row).resize(3000, 10, { fit: 'fill' }).jpeg().toBuffer(),
  ]
  const images = files.map((jpeg, index) => ({ jpeg, label: index % 2 ? 'odd' : 'even', name: `${index}` }))
  const model = createModel(paperResnet({ classes: 2, transform: [resize({ width: 32, height: 32 })] }), {
    labels: ['odd', 'even'],
  })
  const { data, evaluation } = await evaluated(t, images, model)
  const worst = images.map((_, index) => {
    return { file: `${index}`, index, label: 'even', said: 'odd', probability: 1, labelProbability: 0 }
  })
  const shown = pictures(await evaluationReport({ model, data, evaluation: { ...evaluation, worst } }))
  t.is(shown.length, 5)
  for (const [index, jpeg] of shown.entries()) {
    const { width = 0, height = 0, exif = Buffer.alloc(0) } = await sharp(jpeg).metadata()
    t.true(Math.max(width, height) <= 320 && Math.max(width, height) >= 150, `${index}: ${width}×${height}`)
    t.true(jpeg.length < 40_000 && exif.length < 100, `${index}: ${jpeg.length} bytes`)
    const rows = Math.min(height, 40)
    const [is, was] = [await pixels(jpeg, 40, rows), await pixels(files[index] as Buffer, 40, rows)]
    const mean = is.reduce((sum, value, at) => sum + Math.abs(value - (was[at] ?? NaN)), 0) / is.length
    t.true(mean < 6, `${index}: ${mean} levels apart`)
  }
})

test('pictures whose files are gone are not shown, and all else is', async t => {
  const { model, evaluation } = await evaluated(t, tenImages, createModel(paperResnet()))
  const html = await evaluationReport({ model, evaluation })
  t.is(html.split('not shown').length - 1, evaluation.worst.length)
  t.is(pictures(html).length, 0)
  const folder = await folderOf(t, { 'a.jpg': jpegs[0] as Buffer })
  const [first] = evaluation.worst
  const worst = [{ ...first, file: join(folder, 'a.jpg') }] as Evaluation['worst']
  t.is(pictures(await evaluationReport({ model, evaluation: { ...evaluation, worst } })).length, 1)
})

test('a page of many classes has the whole matrix, without names, and a line a class', async t => {
  const labels = Array.from({ length: 60 }, (_, index) => `class ${index}`)
  const { evaluation, ...told } = await evaluated(t, tenImages, createModel(paperResnet()))
  const confusion = labels.map((_, is) => labels.map((_, said) => (is === said ? 9 : said === (is * 7) % 60 ? 2 : 0)))
  const perClass = labels.map(label => ({
    label,
    images: 11,
    said: 11,
    correct: 9,
    precision: 0.8,
    recall: 0.8,
    f1: 0.8,
  }))
  const many: Evaluation = { ...evaluation, labels, confusion, perClass, worst: [] }
  const html = await evaluationReport({ ...told, evaluation: many })
  const map = /<svg class="map" viewBox="0 0 60 60".*?<\/svg>/.exec(html)?.[0] ?? ''
  t.is(map.split('h1v1h-1z').length - 1, confusion.flat().filter(count => count > 0).length)
  t.true(map.includes('M3 9h1') && map.includes('M5 5h1'))
  t.true(labels.every(label => html.includes(`<td class="text">${label}</td>`)))
})

test('a page names classes without files and those left out', async t => {
  const model = createModel(paperResnet({ classes: 3 }), { labels: ['even', 'odd', 'prime'] })
  const data = await loadDataset(jpegImages([...twoClasses, { jpeg: jpegs[0] as Buffer, label: 'none' }]))
  t.teardown(() => (data.dispose(), model.dispose()))
  const evaluation = await model.evaluate(data, { unknownClasses: 'skip' })
  const html = await evaluationReport({ model, evaluation, data })
  t.true(html.includes('There are no files of 1 of the model&#39;s 3 classes: prime.'))
  t.true(html.includes('Files of classes that the model does not know were left out: none (1).'))
})

const begun = (stepsPerEpoch: number) => ({ type: 'start', stepsPerEpoch }) as StartEvent
const stepOf = (epoch: number, step: number, loss: number): TrainEvent => {
  return {
    type: 'step',
    epoch,
    step,
    loss,
    accuracy: 0,
    learningRate: 2 * loss,
    gradientNorm: 1,
    imagesPerSecond: 1,
    secondsLeft: { epoch: 0, training: 0 },
  }
}

test('a record of a long training keeps means of its steps, in few points', t => {
  const record = new TrainingRecord()
  record.add(begun(1000))
  for (let step = 0; step < 20_000; step++) {
    record.add(stepOf(Math.floor(step / 1000) + 1, (step % 1000) + 1, step))
  }
  const { curve } = record
  t.true(curve.length > 100 && curve.length <= 480, `${curve.length} points`)
  for (const { at, loss, learningRate } of curve) {
    t.true(Math.abs(loss - (1000 * at - 1)) < 1e-6, `${loss} at ${at}`)
    t.true(Math.abs(learningRate - 2 * loss) < 1e-6)
  }
  t.true(curve.every(({ at }, index) => at > (curve[index - 1]?.at ?? 0)))
  t.true((curve.at(-1)?.at ?? 0) > 19.9)
})

test('a report is of the weights that the model has: those of its best epoch', async t => {
  const data = await loadDataset(jpegImages(twoClasses))
  const opposite = await loadDataset(
    jpegImages(twoClasses.map(({ jpeg, label }) => ({ jpeg, label: label === 'odd' ? 'even' : 'odd' }))),
  )
  const model = createModel(paperResnet({ classes: 2 }))
  t.teardown(() => (data.dispose(), opposite.dispose(), model.dispose()))
  const record = new TrainingRecord()
  // What is learned makes the test worse, so that an early epoch is the best.
  const given = { epochs: 6, batchSize: 5, test: opposite, earlyStopping: { patience: 3 } }
  await model.fit(data, { ...given, onEvent: event => record.add(event) })
  const best = model.training?.best?.epoch as number
  t.true(best < (model.training?.epoch ?? 0))
  const { loss } = await model.evaluate(opposite)
  t.is(record.tested(best)?.evaluation.loss, loss)
  const html = await trainingReport({ model, record, test: opposite })
  t.true(html.includes(`Tests are of the weights after epoch ${best}, the best on these files, which are kept.`))
  t.true(html.includes(`<th scope="row">test loss</th><td>${loss.toFixed(4)}</td>`))
  t.true(html.includes(`It ended after epoch ${model.training?.epoch} of 6, because tests got no better.`))
})

test('a report of a training that was ended says how far it came', async t => {
  using model = createModel(paperResnet({ classes: 2 }))
  const record = new TrainingRecord()
  const controller = new AbortController()
  const onEvent = (event: TrainEvent) => {
    record.add(event)
    if (event.type === 'step' && event.epoch === 2) controller.abort()
  }
  const given = { epochs: 3, batchSize: 5, onEvent, signal: controller.signal }
  await t.throwsAsync(model.fit(jpegImages(twoClasses), given), { message: /abort/i })
  const html = await trainingReport({ model, record })
  t.true(html.includes('It had done 1 of 3 epochs and a part of the next when this was written.'))
})

test('pages fit phones and desks, and draw in light and in dark', async t => {
  const browser = await startBrowser(t)
  if (!browser) return
  const model = createModel(paperResnet(), { labels: [...'0123456789'].map(digit => `a class of the number ${digit}`) })
  const images = tenImages.map(({ jpeg, label }) => ({ jpeg, label: `a class of the number ${label}` }))
  const { data, evaluation } = await evaluated(t, images, model)
  const record = new TrainingRecord()
  for await (const event of model.train(data, { epochs: 2, batchSize: 2, test: data })) record.add(event)
  const colours = new Set<unknown>()
  for (const html of [
    await evaluationReport({ model, data, evaluation }),
    await trainingReport({ model, record, data, test: data }),
  ]) {
    for (const window of [390, 1200].flatMap(width =>
      (['light', 'dark'] as const).map(scheme => ({ width, scheme })),
    )) {
      const page = await browser.open(html, window)
      const wide = Number(await page.evaluate('document.scrollingElement.scrollWidth'))
      t.true(wide <= window.width, `${wide} in a window of ${window.width}`)
      const broken = await page.evaluate('[...document.images].filter(image => image.naturalWidth === 0).length')
      t.is(broken, 0)
      colours.add(await page.evaluate(`getComputedStyle(document.querySelector('.confusion svg')).color`))
      await page.close()
    }
  }
  t.is(colours.size, 2)
  t.deepEqual(browser.complaints, [])
})
