import test from 'ava'
import {
  createModel,
  jpegImages,
  paperResnet,
  trainingReport,
  type StartEvent,
  type StepEvent,
} from '../../src-ts/index.js'
import { jpegPaths, twoClasses } from '../fixtures/pictures.js'

test('a report is one page that needs nothing else and hides nothing', async t => {
  const model = createModel(paperResnet({ classes: 2 }), { labels: ['even', 'odd'] })
  const data = jpegImages(twoClasses)
  const steps: StepEvent[] = []
  let start: StartEvent | undefined
  for await (const event of model.train(data, { epochs: 2, batchSize: 5, test: data })) {
    if (event.type === 'step') steps.push(event)
    if (event.type === 'start') start = event
  }
  const evaluation = await model.evaluate(data)
  const predictions = await model.predict(jpegPaths.slice(0, 4))
  const pictures = predictions.map((prediction, index) => ({ prediction, label: index % 2 ? 'odd' : '<even>' }))
  const title = 'Even & <odd>'
  const html = await trainingReport({ title, model, start: start as StartEvent, steps, evaluation, pictures })

  t.true(html.startsWith('<!doctype html>'))
  t.true(html.includes('<title>Even &amp; &lt;odd&gt;</title>'))
  t.true(html.includes('is &lt;even&gt;, said'))
  t.false(html.includes('<odd>') || html.includes('<even>'))
  t.false(/<script|<link|@import|url\(|\b(src|href)="(?!data:)/.test(html), 'nothing is loaded')
  t.is(html.match(/<img src="data:image\/jpeg;base64,/g)?.length, 4)
  for (const chart of ['loss over the epochs', 'accuracy over the epochs', 'confusion matrix']) {
    t.true(html.includes(`aria-label="${chart}"`), chart)
  }
  t.true(html.includes('prefers-color-scheme: dark') && html.includes('name="viewport"'))
  t.true(html.includes(`${(100 * evaluation.accuracy).toFixed(2)} %`))
  model.dispose()
})
