/** The page that explains a picture: what it says without a browser, and what its script is given. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { createModel, explainPicture, paperResnet, type ExplainProgress } from '../../src-ts/index.js'
import type { PageData } from '../../src-ts/explain/pageData.js'
import { jpegnet } from '../cli/command.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const picture = jpegPaths[0] as string

function dataOf(html: string): PageData {
  const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/.exec(html) ?? []
  return JSON.parse(json) as PageData
}

test('the page asks for nothing and says the answer without its script', async t => {
  const labels = Array.from({ length: 10 }, (_, number) => `kind ${number}`)
  const model = createModel(paperResnet(), { labels })
  const passes: ExplainProgress[] = []
  const html = await explainPicture(model, picture, { onProgress: pass => passes.push(pass) })
  const total = model.nodes.length + 1 + 3 * 15
  t.deepEqual(
    passes,
    Array.from({ length: total + 1 }, (_, done) => ({ type: 'explain', done, total })),
  )
  t.notRegex(html, /(?:src|href)="(?!data:)|url\(|@import|https?:\/\/(?!www\.w3\.org\/2000\/svg)/)
  const [answer] = await model.predict(picture)
  for (const { label } of answer?.classes.slice(0, 5) ?? []) t.true(html.includes(`<span>${label}</span>`))
  t.true(html.includes('<noscript>') && html.includes('<svg'))
  const { layers, relus, components } = dataOf(html)
  t.deepEqual(
    layers.map(({ path }) => path),
    ['input', ...model.nodes.map(({ path }) => path)],
  )
  t.is(relus.length, 6)
  t.deepEqual(
    components.map(({ name }) => name),
    ['Y', 'Cb', 'Cr'],
  )
})

test('names are text and not HTML', async t => {
  const nasty = '<img src=x onerror=alert(1)></script><!--'
  const labels = Array.from({ length: 10 }, (_, number) => `${nasty}${number}`)
  const html = await explainPicture(createModel(paperResnet(), { labels }), {
    name: nasty,
    jpeg: jpegs[0] as Uint8Array,
  })
  t.false(html.includes('<img src=x'))
  t.is([...html.matchAll(/<\/script>/g)].length, 2)
})

test('gray pictures, pictures of other sizes and maps that do not fill their blocks are explained', async t => {
  const gray = await sharp(jpegs[1]).toColourspace('b-w').jpeg().toBuffer()
  const grayPage = await explainPicture(createModel(paperResnet({ channels: 1 })), gray)
  t.deepEqual(
    dataOf(grayPage).components.map(({ name }) => name),
    ['gray'],
  )
  const odd = await sharp(jpegs[1]).resize(29, 21, { fit: 'fill' }).jpeg({ chromaSubsampling: '4:2:0' }).toBuffer()
  const { components, layers } = dataOf(await explainPicture(createModel(paperResnet({ width: 28, height: 20 })), odd))
  t.deepEqual(
    components.map(({ width, height, high, wide }) => [width, height, high, wide]),
    [
      [29, 21, 3, 4],
      [15, 11, 2, 2],
      [15, 11, 2, 2],
    ],
  )
  t.deepEqual(layers[0]?.shape, [3, 20, 28])
})

test('of a layer with many channels those that vary most are given, and the page says how many', async t => {
  const html = await explainPicture(createModel(paperResnet({ width: 64, height: 64 })), picture)
  const { layers } = dataOf(html)
  const first = layers.find(({ path }) => path === 'block1.conv1')
  t.is(first?.channels.length, 4)
  t.true(html.includes('16 × 64 × 64, 4 of 16 channels'))
})

test('the command writes a page, and says in a sentence what is wrong with its input', async t => {
  const folder = await temporaryFolder(t)
  const [file, out] = [join(folder, 'small.model'), join(folder, 'page.html')]
  await createModel(paperResnet()).save(file)
  const { code, stderr } = await jpegnet(['explain', file, picture, '--out', out])
  t.is(code, 0, stderr)
  t.regex(stderr, /wrote .*page\.html/)
  t.true((await readFile(out, 'utf8')).startsWith('<!doctype html>'))
  for (const [args, said] of [
    [[join(folder, 'none.model'), picture, '--out', out], /none\.model: expected a file, found none/],
    [[file, join(folder, 'none.jpg'), '--out', out], /none\.jpg: expected a file, found none/],
    [[file, file, '--out', out], /small\.model: expected a JPEG file/],
    [
      [file, picture, '--out', join(folder, 'no/page.html')],
      /no\/page\.html: expected a file that can be written, found no folder/,
    ],
  ] as const) {
    const outcome = await jpegnet(['explain', ...args])
    t.is(outcome.code, 1)
    t.regex(outcome.stderr, said)
  }
  const model = createModel(paperResnet())
  await failsWith(t, () => explainPicture(model, picture, { layers: 3 } as never), { code: 'INVALID_OPTION' })
})
