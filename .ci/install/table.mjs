// The table of docs/bundlers.md: a row for each entry, with what came of it when it was run last. A row of another entry, or of one with
// other versions, is none, so that the page cannot tell of what was not run.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

const page = fileURLToPath(new URL('../../docs/bundlers.md', import.meta.url))
const [OPENING, CLOSING] = ['<!-- test:install -->', '<!-- /test:install -->']
const HEAD = ['| where | packages | in CI | result |', '|---|---|---|---|']

/** What a row tells of an entry before it is run. */
export const beginning = ({ name, core, packages = {} }) => {
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`)
  return `| ${name} | ${versions.join(', ')} | ${core ? '✓' : ''} | `
}

/** The rows of the page. */
export async function readRows() {
  const { rows } = parts(await readFile(page, 'utf8'))
  return rows
}

/** Lines that tell how the page differs from the entries, and from what came of those that were run. */
export async function differences(entries, outcomes) {
  const { rows } = parts(await readFile(page, 'utf8'))
  const due = rowsDue(entries, outcomes, rows)
  return [
    ...due.filter(row => !rows.includes(row)).map(row => `docs/bundlers.md: expected the row ${row}, found none`),
    ...rows.filter(row => !due.includes(row)).map(row => `docs/bundlers.md: expected no other row, found ${row}`),
  ]
}

/** Writes what came of the entries that were run, keeps the other rows, and says of entries without one that they were not run. */
export async function writeRows(entries, outcomes) {
  const { before, rows, after } = parts(await readFile(page, 'utf8'))
  await writeFile(page, `${before}\n\n${[...HEAD, ...rowsDue(entries, outcomes, rows)].join('\n')}\n\n${after}`)
}

function rowsDue(entries, outcomes, rows) {
  return entries.map(entry => {
    const start = beginning(entry)
    const said = outcomes.get(entry.name)
    return said ? `${start}${said} |` : (rows.find(row => row.startsWith(start)) ?? `${start}not run |`)
  })
}

function parts(text) {
  const [start, end] = [text.indexOf(OPENING), text.indexOf(CLOSING)]
  if (start < 0 || end < start) throw new Error(`docs/bundlers.md: expected ${OPENING} and below it ${CLOSING}`)
  const lines = text
    .slice(start + OPENING.length, end)
    .trim()
    .split('\n')
  return { before: text.slice(0, start + OPENING.length), rows: lines.slice(HEAD.length), after: text.slice(end) }
}
