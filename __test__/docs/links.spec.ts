/** Every link between the README and the pages of docs/ leads to something. */
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import test from 'ava'
import { PAGES, ROOT } from './pages.js'

/** The anchor that GitHub gives a heading. */
const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')

const prose = (text: string) => text.replace(/^```[^]*?^```$/gm, '')

test('links of the documentation lead to files and headings that exist', t => {
  const headings = new Map(
    PAGES.map(({ path, text }) => [
      path,
      [...prose(text).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => anchor(title)),
    ]),
  )
  for (const { path, text } of PAGES) {
    for (const [, link = ''] of prose(text).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue
      const [file = '', fragment] = link.split('#')
      const target = file === '' ? path : relative(ROOT, join(ROOT, dirname(path), file))
      t.true(existsSync(join(ROOT, target)), `${path}: ${link}`)
      if (fragment !== undefined) t.true(headings.get(target)?.includes(fragment), `${path}: ${link}`)
    }
  }
})

test('every page of docs/ is in its index', t => {
  const index = PAGES.find(({ path }) => path === 'docs/README.md')
  for (const { path } of PAGES) {
    const name = path.slice('docs/'.length)
    if (path.startsWith('docs/') && name !== 'README.md') t.true(index?.text.includes(`(${name})`), path)
  }
})

test('the README has at most 150 lines', t => {
  const lines = PAGES.find(({ path }) => path === 'README.md')
    ?.text.trimEnd()
    .split('\n')
  t.true((lines?.length ?? 0) <= 150)
})
