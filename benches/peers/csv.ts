/** Records: comment lines that begin with `#`, a line of names, a line of cells each. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root } from './folders.js'

/** A line of a record, its cells by name. */
export type Row = Record<string, string>

/** A record that was read. */
export interface Table {
  /** Without `# `. */
  comments: string[]
  rows: Row[]
}

/** A record's text; the names are the first row's. Text with commas is quoted. */
export function csvOf(comments: readonly string[], rows: readonly Row[]): string {
  const names = Object.keys(rows[0] ?? {})
  const cell = (text: string) => (text.includes(',') ? `"${text}"` : text)
  const lines = rows.map(row => names.map(name => cell(row[name] ?? '')).join(','))
  return [...comments.map(comment => `# ${comment}`), names.join(','), ...lines, ''].join('\n')
}

/** What {@link csvOf} wrote. */
export function parsedCsv(text: string): Table {
  const lines = text.split('\n').filter(line => line !== '')
  const comments = lines.filter(line => line.startsWith('# ')).map(line => line.slice(2))
  const [names = [], ...rows] = lines.filter(line => !line.startsWith('# ')).map(cellsOf)
  return { comments, rows: rows.map(cells => Object.fromEntries(names.map((name, at) => [name, cells[at] ?? '']))) }
}

function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted ?? plain ?? '')
}

/** The newest record of a name in benches/record/, which begin with their dates; nothing if there is none. */
export async function newestRecord(name: string): Promise<Table | undefined> {
  const folder = join(root, 'benches/record')
  const dated = new RegExp(`^\\d{4}-\\d{2}-\\d{2}-${name}\\.csv$`)
  const newest = (await readdir(folder))
    .filter(file => dated.test(file))
    .sort()
    .at(-1)
  return newest === undefined ? undefined : parsedCsv(await readFile(join(folder, newest), 'utf8'))
}
