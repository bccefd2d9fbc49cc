/** The page that explains a picture, in a real browser: screenshots of what it draws, and what it says. */
import test from 'ava'
import sharp from 'sharp'
import { createModel, explainPicture, jpegCoefficients, paperResnet, writeJpeg } from '../../src-ts/index.js'
import { pixelsOf } from '../fixtures/dct.js'
import { jpegPaths } from '../fixtures/pictures.js'
import { seen, startBrowser } from '../fixtures/browser.js'

const picture = jpegPaths[0] as string
const [width, height] = [32, 32]

/** The page of a small network; the same for every test. */
const html = explainPicture(createModel(paperResnet(), { seed: 3 }), picture)

/** Luminance of a block of the file, dequantised. */
async function luminance(block: number): Promise<number[]> {
  const [plane] = (await jpegCoefficients(picture)).components
  const first = 64 * block
  return Array.from(
    plane?.values.subarray(first, first + 64) ?? [],
    (value, at) => value * (plane?.quantisation[at] ?? 0),
  )
}

function rootMeanSquare(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length)
}

test('with all frequencies the page shows the photograph, with one every block is flat', async t => {
  const browser = await startBrowser(t)
  if (!browser) return
  const page = await browser.open(await html)
  const kept = page.locator('#kept')
  await page.locator('#phi').fill('15')
  const whole = await seen(kept, { width, height })
  // The luminance alone, as a file that another decoder reads.
  const { components, ...coefficients } = await jpegCoefficients(picture)
  const gray = await writeJpeg({ ...coefficients, colour: 'gray', components: components.slice(0, 1) })
  const expected = await sharp(gray).toColourspace('b-w').raw().toBuffer()
  const apart = whole.map(([grey = 0], at) => Math.abs(grey - (expected[at] as number)))
  t.true(Math.max(...apart) <= 1, `${Math.max(...apart)}`)
  await page.locator('#phi').fill('1')
  t.is(await page.locator('#phi-value').textContent(), '1')
  const flat = await seen(kept, { width, height })
  flat.forEach((pixel, at) => {
    const [row, column] = [Math.floor(at / width), at % width]
    const corner = (row - (row % 8)) * width + column - (column % 8)
    t.deepEqual(pixel, flat[corner])
  })
  t.notDeepEqual(flat, whole)
  t.true((await page.locator('#kept-facts').textContent())?.includes('1 of 64'))
  t.deepEqual(browser.complaints, [])
})

test('arrow keys and clicks pick a block, whose coefficients are the file’s', async t => {
  const browser = await startBrowser(t)
  if (!browser) return
  const page = await browser.open(await html)
  const [stage, name, cells] = [page.locator('#plane-stage'), page.locator('#block-name'), page.locator('#block td')]
  t.regex((await name.textContent()) ?? '', /row 3, column 3/)
  await stage.focus()
  for (const key of ['ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowLeft']) await page.keyboard.press(key)
  t.regex((await name.textContent()) ?? '', /^Y, block in row 1, column 2/)
  await page.locator('#dequantised').check()
  t.deepEqual((await cells.allTextContents()).map(Number), await luminance(1))
  await page.locator('#phi').fill('2')
  t.is(await page.locator('#block td.dropped').count(), 61)
  const box = await stage.boundingBox()
  await stage.click({ position: { x: (box?.width ?? 0) * 0.9, y: (box?.height ?? 0) * 0.6 } })
  t.regex((await name.textContent()) ?? '', /row 3, column 4/)
  t.deepEqual((await cells.allTextContents()).map(Number), await luminance(11))
  const block = await seen(page.locator('#block-kept'), { width: 8, height: 8 })
  const expected = pixelsOf(await luminance(11), 2)
  block.forEach(([grey = 0], at) => {
    const clamped = Math.max(0, Math.min(255, (expected[at] as number) + 128))
    t.true(Math.abs(grey - clamped) <= 1)
  })
  t.deepEqual(browser.complaints, [])
})

test('masks from few frequencies differ where the page says, by errors that are those of the maps', async t => {
  const browser = await startBrowser(t)
  if (!browser) return
  const page = await browser.open(await html)
  await page.locator('#phi').fill('15')
  const wrong = page.locator('#mask-wrong')
  const none = await seen(wrong, { width, height })
  t.is(new Set(none.map(String)).size, 1, 'all signs are right')
  await page.locator('#phi').fill('3')
  const some = await seen(wrong, { width, height })
  const differing = some.filter((pixel, at) => String(pixel) !== String(none[at])).length
  const [, share, ofAsm, ofApx] = await page.locator('#relu-errors tr').nth(1).locator('td').allTextContents()
  t.is(share, `${((100 * differing) / some.length).toFixed(1)} %`)

  const model = createModel(paperResnet(), { seed: 3 })
  const [map] = await model.featureMaps(picture, { layers: ['block1.bn1'] })
  const channel = Number(await page.locator('#channel option').first().textContent())
  const blocks = Array.from({ length: 16 }, (_, block) =>
    map?.values.subarray(64 * (16 * channel + block), 64 * (16 * channel + block + 1)),
  ) as Float32Array[]
  const pairs = blocks.flatMap(block => {
    const low = pixelsOf(block, 3)
    return pixelsOf(block).map((value, at) => [value, low[at] as number] as const)
  })
  const errors = [
    rootMeanSquare(pairs.map(([value, low]) => Math.max(0, value) - (low > 0 ? value : 0))),
    rootMeanSquare(pairs.map(([value, low]) => Math.max(0, value) - Math.max(0, low))),
  ]
  for (const [at, text] of [ofAsm, ofApx].entries()) {
    t.true(Math.abs(Number(text) - (errors[at] as number)) < 0.01 * (errors[at] as number), `${text}: ${errors[at]}`)
  }
  await page.locator('#relu').selectOption('4')
  t.is(await page.locator('#channel option').count(), 64)
  t.deepEqual(browser.complaints, [])
})

test('layers are drawn when they come into sight', async t => {
  const browser = await startBrowser(t)
  if (!browser) return
  const page = await browser.open(await html)
  const last = page.locator('.layer').last()
  t.is(await last.locator('canvas').count(), 0)
  await last.scrollIntoViewIfNeeded()
  await last.locator('canvas').waitFor()
  const layer = page.locator('.layer', { hasText: 'block1.conv1' })
  await layer.scrollIntoViewIfNeeded()
  const first = layer.locator('canvas').first()
  const pixels = await seen(first, { width: 8, height: 8 })
  t.true(new Set(pixels.map(String)).size > 8, 'a map has many colours')
  t.deepEqual(browser.complaints, [])
})

test('the page fits phones and desks, in light and in dark', async t => {
  const browser = await startBrowser(t)
  if (!browser) return
  const grounds = new Set<string>()
  for (const window of [390, 1200].flatMap(width => (['light', 'dark'] as const).map(scheme => ({ width, scheme })))) {
    const page = await browser.open(await html, window)
    const wide = await page.evaluate('document.scrollingElement.scrollWidth')
    t.true(Number(wide) <= window.width, `${wide} in a window of ${window.width}`)
    const { data } = await sharp(await page.screenshot())
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    grounds.add([...data.subarray(0, 3)].join())
    await page.close()
  }
  t.is(grounds.size, 2, 'dark is not light')
  t.deepEqual(browser.complaints, [])
})
