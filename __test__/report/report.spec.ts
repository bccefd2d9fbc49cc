import test, { type ExecutionContext } from 'ava'
import {
  createModel,
  inspectJpeg,
  jpegCoefficients,
  jpegImages,
  loadDataset,
  paperResnet,
  trainingReport,
  TrainingRecord,
  type Evaluation,
  type TrainOptions,
} from '../../src-ts/index.js'
import { jpegPaths, jpegs, tenImages } from '../fixtures/pictures.js'

/** Names that would be markup if they were not escaped. */
const names = ['<b>even</b>', 'odd & "co"']

/** A short training of a network on ten pictures, and the page about it. */
async function report(t: ExecutionContext, options: TrainOptions = {}) {
  const data = await loadDataset(jpegImages(jpegs.map((jpeg, index) => ({ jpeg, label: names[index % 2] as string }))))
  const model = createModel(paperResnet({ classes: 2 }), { labels: names })
  t.teardown(() => {
    data.dispose()
    model.dispose()
  })
  const record = new TrainingRecord()
  for await (const event of model.train(data, { epochs: 2, batchSize: 5, test: data, ...options })) record.add(event)
  const evaluation: Evaluation = {
    ...(await model.evaluate(data)),
    confusion: [
      [3, 2],
      [0, 5],
    ],
    mistakes: [{ is: names[0] as string, said: names[1] as string, images: 2 }],
    correct: 8,
    accuracy: 0.8,
  }
  const predictions = await model.predict(jpegPaths.slice(0, 4))
  const pictures = predictions.map((prediction, index) => ({ prediction, label: names[index % 2] }))
  const told = { title: 'Even & <i>odd</i>', model, record }
  const html = await trainingReport({
    ...told,
    data,
    test: data,
    evaluation,
    pictures,
    command: 'jpegnet train "a & b"',
  })
  return { told, data, evaluation, html }
}

/** The JPEG files in a page. */
function shownPictures(html: string): Buffer[] {
  return [...html.matchAll(/src="data:image\/jpeg;base64,([^"]*)"/g)].map(([, text = '']) =>
    Buffer.from(text, 'base64'),
  )
}

/** The cells of a page's tables of results. */
function tables(html: string): string[][][] {
  return [...html.matchAll(/<table class="results">(.*?)<\/table>/g)].map(([, rows = '']) =>
    [...rows.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, cells = '']) =>
      [...cells.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell = '']) => cell),
    ),
  )
}

test('a report needs nothing else: no script, no style, font or picture from elsewhere', async t => {
  const { html, evaluation } = await report(t)
  t.true(html.startsWith('<!doctype html>'))
  t.false(/<script|<link|@import|url\(|\son\w+=/.test(html))
  t.is([...html.matchAll(/\b(?:src|href)="/g)].length, 4 + evaluation.worst.length)
  t.is(shownPictures(html).length, 4 + evaluation.worst.length)
})

test('a report shows small pictures with all their coefficients', async t => {
  const { html, evaluation } = await report(t)
  t.true(evaluation.worst.length > 0)
  const files = [...evaluation.worst.map(({ index }) => jpegPaths[index] as string), ...jpegPaths.slice(0, 4)]
  for (const [index, jpeg] of shownPictures(html).entries()) {
    t.deepEqual(await jpegCoefficients(jpeg), await jpegCoefficients(files[index] as string))
  }
})

test('a report shows the title and the names of classes as text, in its charts too', async t => {
  const { html } = await report(t)
  t.true(html.includes('<title>Even &amp; &lt;i&gt;odd&lt;/i&gt;</title>'))
  t.false(/<b>|<i>/.test(html))
  const shown = html.split('&lt;b&gt;even').length - 1
  t.true(shown >= 2 + 1 + 1 + 4, `in both axes, both tables and the pictures, found ${shown}`)
  t.false(/&(?!amp;|lt;|gt;|quot;|#39;|#\d+;|nbsp;)/.test(html.replace(/<style>[^]*<\/style>/, '')))
})

test('a report draws curves, the confusion matrix and names the commonest mistake', async t => {
  const { html } = await report(t)
  for (const chart of [
    'loss over the epochs',
    'accuracy over the epochs',
    'learning rate over the epochs',
    'confusion matrix',
  ]) {
    t.true(new RegExp(`<svg [^>]*aria-label="${chart}"`).test(html), chart)
  }
  t.true(html.includes('<strong>80.00 %</strong>'))
  const mistakes = tables(html).find(([head]) => head?.[1] === 'said to be')
  t.deepEqual(mistakes?.slice(1), [['&lt;b&gt;even&lt;/b&gt;', 'odd &amp; &quot;co&quot;', '2']])
})

test('a report draws every non-zero luminance coefficient of a picture once', async t => {
  const { html } = await report(t)
  const maps = [...html.matchAll(/aria-label="non-zero luminance coefficients">([^]*?)<\/svg>/g)]
  t.is(maps.length, 4)
  for (const [index, [, drawn = '']] of maps.entries()) {
    const { components } = await inspectJpeg(jpegPaths[index] as string)
    t.is(drawn.split('h1v1h-1z').length - 1, components[0]?.nonZeros ?? NaN)
  }
})

test('a report tells how sparse the pictures are and how they were learned from', async t => {
  const { html, told } = await report(t)
  const figure = (name: string) => new RegExp(`<th scope="row">${name}</th><td>([^<]*)</td>`).exec(html)?.[1]
  const inspections = await Promise.all(jpegPaths.map(path => inspectJpeg(path)))
  const components = inspections.flatMap(({ components }) => components)
  const blocks = components.reduce((sum, { blocks: [high, wide] }) => sum + high * wide, 0)
  const nonZeros = components.reduce((sum, { nonZeros }) => sum + nonZeros, 0)
  t.is(figure('non-zero coefficients a block'), (nonZeros / blocks).toFixed(2))
  t.is(figure('as 8-bit pixels'), '0.031 MB, 3,072 bytes an image')
  t.is(figure('packed in memory')?.split(' ')[0], ((told.record.start?.dataBytes ?? NaN) / 1e6).toFixed(3))
  t.is(figure('command'), 'jpegnet train &quot;a &amp; b&quot;')
  t.regex(figure('versions') ?? '', /^jpegnet \d+\.\d+\.\d+, .*Node \d+/)
  t.regex(figure('date') ?? '', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/)
  t.is(figure('epochs, batch size, seed'), '2, 5, 0')
  t.regex(figure('optimizer') ?? '', /^adam, learningRate 0\.001/)
})

test('a report without test pictures tells of the training alone', async t => {
  const data = await loadDataset(jpegImages(tenImages))
  const model = createModel(paperResnet())
  t.teardown(() => (data.dispose(), model.dispose()))
  const record = new TrainingRecord()
  await model.fit(data, { epochs: 1, onEvent: event => record.add(event) })
  const html = await trainingReport({ model, record })
  t.true(html.includes('aria-label="loss over the epochs"'))
  t.false(html.includes('confusion matrix') || html.includes('<img') || html.includes('of the test set'))
})

test('a report tells all that a training did beside its optimizer and schedule', async t => {
  const { html } = await report(t, {
    accumulate: 2,
    labelSmoothing: 0.1,
    clip: { norm: 2 },
    freeze: ['block1'],
    groups: [{ layers: ['fc'], factor: 10 }],
    average: { decay: 0.9 },
    earlyStopping: { patience: 5 },
  })
  for (const phrase of [
    '2 batches a step',
    'labels smoothed by 0.1',
    'gradients clipped by norm 2',
    'frozen: block1',
    'fc, factor 10',
    'weights averaged, decay 0.9',
    'stopping early, patience 5, by loss',
  ]) {
    t.true(html.includes(phrase), phrase)
  }
})
