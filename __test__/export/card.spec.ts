/** A model's card says what is known of it, and nothing else. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  createModel,
  jpegImages,
  loadModel,
  modelCard,
  modelCardMarkdown,
  paperResnet,
  randomHorizontalFlip,
} from '../../src-ts/index.js'
import { jpegnet } from '../cli/command.js'
import { temporaryFolder, twoClasses } from '../fixtures/pictures.js'

test('a new model is its network, and no more', t => {
  using model = createModel(paperResnet({ mode: 'band-limited', frequencies: 8 }))
  const card = modelCard(model)
  t.deepEqual(Object.keys(card), ['name', 'parameters', 'input', 'classes', 'mode'])
  t.like(card, { name: 'paper', classes: 10, mode: { mode: 'band-limited', frequencies: 8 } })
  t.is(card.parameters, model.parameterCount)
  const text = modelCardMarkdown(card)
  t.regex(text, /\| mode \| band-limited to 8 frequencies \|/)
  t.false(text.includes('Training'))
  t.false(text.includes('undefined'))
})

test('a trained one says what it learned from, how, and what its test came to; its file keeps that', async t => {
  const folder = await temporaryFolder(t)
  using model = createModel(paperResnet({ classes: 2 }), { seed: 1 })
  const data = jpegImages(twoClasses)
  const augment = [randomHorizontalFlip()]
  const history = await model.fit(data, { epochs: 2, batchSize: 5, seed: 7, augment, test: data })
  const last = history.epochs.at(-1)?.test
  const card = modelCard(model)
  t.like(card.trained, { data: 'jpegImages', images: 10, epochs: 2, mode: { mode: 'exact' } })
  t.deepEqual(card.trained?.classes, [
    { name: 'even', images: 5 },
    { name: 'odd', images: 5 },
  ])
  t.like(card.trained?.settings, { seed: 7, batchSize: 5, epochs: 2 })
  t.like(card.trained?.test, { epoch: 2, images: 10, accuracy: last?.accuracy ?? NaN, loss: last?.loss ?? NaN })
  // Without the optimizer, too.
  await model.save(join(folder, 'a.model'))
  using again = await loadModel(join(folder, 'a.model'))
  t.is(again.training, undefined)
  t.deepEqual(modelCard(again), card)
  t.deepEqual(JSON.parse(JSON.stringify(card)), JSON.parse(JSON.stringify(modelCard(again))))
  // Other weights were not trained so.
  await again.load(await model.parameters())
  t.is(modelCard(again).trained, undefined)
})

test('the weights of the best epoch are told with that epoch’s test', async t => {
  using model = createModel(paperResnet({ classes: 2 }), { seed: 1 })
  const data = jpegImages(twoClasses)
  const { stop } = await model.fit(data, {
    epochs: 6,
    batchSize: 5,
    seed: 7,
    test: data,
    earlyStopping: { patience: 2, metric: 'loss' },
  })
  t.is(modelCard(model).trained?.test?.epoch, stop?.best.epoch)
})

test('names cannot break a card’s table', async t => {
  using model = createModel(paperResnet({ classes: 2 }), { labels: ['a|b', '<b>\n# c'] })
  const text = modelCardMarkdown(modelCard(model))
  t.regex(text, /\| classes \| 2: a\\\|b, \\<b\\> # c \|/)
})

test('the command writes a card as Markdown or JSON', async t => {
  const folder = await temporaryFolder(t)
  const at = (name: string) => join(folder, name)
  using model = createModel(paperResnet({ classes: 2 }), { labels: ['cat', 'dog'] })
  await model.save(at('a.model'))
  const printed = await jpegnet(['card', at('a.model')])
  t.is(printed.code, 0, printed.stderr)
  t.is(`${printed.lines.join('\n')}\n`, modelCardMarkdown(modelCard(model)).replaceAll('\n\n', '\n'))
  t.deepEqual((await jpegnet(['card', at('a.model'), '--json'])).json[0], JSON.parse(JSON.stringify(modelCard(model))))
  await jpegnet(['card', at('a.model'), '--out', at('a.json')])
  t.deepEqual(JSON.parse(await readFile(at('a.json'), 'utf8')), JSON.parse(JSON.stringify(modelCard(model))))
  const wrong = await jpegnet(['card', at('a.model'), '--out', at('a.html')])
  t.deepEqual([wrong.code, /--out: expected a name ending in \.md or \.json/.test(wrong.stderr)], [1, true])
})
