import { readFile } from 'node:fs/promises'
import { dirname, extname, isAbsolute, join } from 'node:path'
import { CsvError, parse } from 'csv-parse/sync'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import { sourceOptionsSchema, type SourceOptions } from './folder.js'
import type { Reading } from './reading.js'
import type { LabelledFile } from './images.js'

/** Options of {@link jpegList}. */
export interface ListOptions extends SourceOptions {
  /** Folder that paths are relative to; that of the list unless given. */
  directory?: string | undefined
  /**
   * What is between a path and its label: one character, or a blank for any number of blanks. Unless given a comma in a .csv
   * file, a tab in a .tsv file, and in others what the first line has: a tab, else a comma, else a blank.
   */
  separator?: string | undefined
  /** Names of the columns in the list's first line; unless given `path` and `label`, if it has such a line. */
  columns?: { path: string; label: string } | undefined
}

/** JPEG files that a text file lists with their classes. It is read when it is used. */
export interface JpegList extends Reading {
  readonly type: 'list'
  readonly file: string
  readonly directory: string
  readonly separator: string | undefined
  readonly columns: { readonly path: string; readonly label: string } | undefined
}

const text = z.string().min(1)

const listOptionsSchema = z.strictObject({
  ...sourceOptionsSchema.shape,
  directory: text.optional(),
  separator: z
    .string()
    .regex(/^[^"\r\n]$/u, 'one character that is no quote')
    .optional(),
  columns: z.strictObject({ path: text, label: text }).optional(),
}) satisfies z.ZodType<ListOptions>

/**
 * The JPEG files of a list, each line a path and a class: `cats/1.jpg,cat`. Quotes are as CSV has them; empty lines and
 * lines that begin with # are passed over. If the first line names its columns others may be there, else there are two.
 *
 * @throws ModelError `INVALID_OPTION`; when it is used, `FILE_NOT_FOUND` or `FILE_UNREADABLE`, with the lines that are
 * not a path and a label
 */
export function jpegList(file: string, options: ListOptions = {}): JpegList {
  const path = checked(text, file, 'jpegList.file')
  const {
    directory = dirname(path),
    separator,
    columns,
    onError = 'error',
    limits,
    orientation,
  } = checked(listOptionsSchema, options, 'jpegList')
  return frozen({ type: 'list', file: path, directory, separator, columns, onError, limits, orientation })
}

/** A line of a list: where it is, and its fields. */
interface Line {
  number: number
  fields: string[]
}

/** How many bad lines an error names. */
const NAMED = 3

/** Reads a list; see {@link jpegList}. */
export async function readList({ file, directory, separator, columns }: JpegList): Promise<LabelledFile[]> {
  const content = await contentOf(file)
  const between = separator ?? usualSeparator(file, content)
  const lines = between === ' ' ? blankSeparated(content) : separated(file, content, between)
  const { path, label, width, rest } = headed(file, lines, columns)
  const bad: string[] = []
  const files = rest.map(({ number, fields }) => {
    const [given = '', name = ''] = [fields[path], fields[label]]
    if (given === '' || name === '' || fields.length !== width) bad.push(`line ${number} has ${found(fields)}`)
    return { file: isAbsolute(given) ? given : join(directory, given), label: name }
  })
  if (bad.length === 0) return files
  const more = bad.length > NAMED ? [`${bad.length - NAMED} more are wrong`] : []
  const expected = width === 2 ? 'a path and a label on each line' : `${width} fields on each line, as the first has`
  throw mismatch('FILE_UNREADABLE', file, expected, [...bad.slice(0, NAMED), ...more].join('; '))
}

/** Where a line has its path and label, and the lines after that which says so, if one does. */
function headed(file: string, lines: readonly Line[], columns: JpegList['columns']) {
  const header = lines[0]?.fields ?? []
  const names = columns ?? { path: 'path', label: 'label' }
  const place = (name: string) => header.findIndex(field => field.toLowerCase() === name.toLowerCase())
  const [path, label] = [place(names.path), place(names.label)]
  if (path >= 0 && label >= 0) return { path, label, width: header.length, rest: lines.slice(1) }
  if (!columns) return { path: 0, label: 1, width: 2, rest: lines }
  const expected = `the columns ${names.path} and ${names.label} in its first line`
  throw mismatch('FILE_UNREADABLE', file, expected, header.join(', ') || 'none')
}

function found(fields: readonly string[]): string {
  const empty = fields.findIndex(field => field === '')
  const count = fields.length === 1 ? 'one field' : `${fields.length} fields`
  return empty < 0 ? count : `${count}, number ${empty + 1} empty`
}

async function contentOf(file: string): Promise<string> {
  const content = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === 'ENOENT'
    const found = missing ? 'none' : cause.code === 'EISDIR' ? 'a folder' : cause.message
    const details = { path: file, expected: 'a list of files', found, cause }
    const code = missing ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'
    throw new ModelError(code, `${file}: expected a list of files, found ${found}`, details)
  })
  return content.replace(/^\ufeff/, '')
}

function usualSeparator(file: string, content: string): string {
  const byName: Record<string, string> = { '.csv': ',', '.tsv': '\t' }
  const first = /^(?!\s*(?:#|$)).*$/m.exec(content)?.[0] ?? ''
  return byName[extname(file).toLowerCase()] ?? ['\t', ','].find(character => first.includes(character)) ?? ' '
}

/** Lines as CSV has them. */
function separated(file: string, content: string, delimiter: string): Line[] {
  const lines: Line[] = []
  try {
    parse(content, {
      delimiter,
      comment: '#',
      comment_no_infix: true,
      skip_empty_lines: true,
      relax_column_count: true,
      trim: true,
      on_record: (fields: string[], { lines: number }) => {
        lines.push({ number, fields })
        return null
      },
    })
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause
    const open = cause.code === 'CSV_QUOTE_NOT_CLOSED'
    const found = open
      ? `one that is open to the end, after line ${lines.at(-1)?.number ?? 0}`
      : `one within a field on line ${String(cause['lines'])}`
    const expected = 'quotes around whole fields, those inside doubled'
    const details = { path: file, expected, found, cause }
    throw new ModelError('FILE_UNREADABLE', `${file}: expected ${expected}, found ${found}`, details)
  }
  return lines
}

/** Lines of a path, which may have blanks, and a label, which may have them in quotes. */
function blankSeparated(content: string): Line[] {
  const quoted = (field: string) => (/^".*"$/.test(field) ? field.slice(1, -1).replaceAll('""', '"') : field)
  return content.split(/\r?\n/).flatMap((line, index) => {
    const [, path, label] = /^("(?:[^"]|"")+"|.*?\S)\s+("(?:[^"]|"")+"|\S+)$/.exec(line.trim()) ?? []
    if (/^\s*(#|$)/.test(line)) return []
    return { number: index + 1, fields: path && label ? [quoted(path), quoted(label)] : [line.trim()] }
  })
}
