/** The page of an experiment in a real browser. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { startBrowser } from '../fixtures/browser.js'
import { temporaryFolder } from '../fixtures/pictures.js'
import { run } from './running.js'

test('the page of an experiment fits phones and desks, and draws its curves in light and in dark', async t => {
  const browser = await startBrowser(t)
  if (!browser) return
  const { report } = await run('relu-blocks', { out: join(await temporaryFolder(t), 'out'), quick: true })
  const html = await readFile(report, 'utf8')
  const strokes = new Set<unknown>()
  for (const window of [390, 1200].flatMap(width => (['light', 'dark'] as const).map(scheme => ({ width, scheme })))) {
    const page = await browser.open(html, window)
    const wide = Number(await page.evaluate('document.scrollingElement.scrollWidth'))
    t.true(wide <= window.width, `${wide} in a window of ${window.width}`)
    const curves = page.locator('figure svg [aria-label="line"] path')
    t.is(await curves.count(), 6, 'ASM and APX of both kinds, and in float64')
    t.is(await page.locator('figure svg [stroke-dasharray] path').count(), 2, 'what they are compared with is dashed')
    const first = `document.querySelector('figure svg [aria-label="line"] path')`
    strokes.add(await page.evaluate(`getComputedStyle(${first}).stroke`))
    const size = await curves.first().boundingBox()
    t.true((size?.width ?? 0) > 150 && (size?.height ?? 0) > 50)
    await page.close()
  }
  t.is(strokes.size, 2, 'curves are drawn in other colours in the dark')
  t.deepEqual(browser.complaints, [])
})
