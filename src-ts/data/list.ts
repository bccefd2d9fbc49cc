import { readFile, stat } from 'node:fs/promises'
import { dirname, extname, isAbsolute, join } from 'node:path'
import { CsvError, parse } from 'csv-parse/sync'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import { pathOf, pathSchema, type FileUrl } from './bytes.js'
import { sourceOptionsSchema, type SourceOptions } from './folder.js'
import { isJpegName, isPictureName } from './names.js'
import type { Reading } from './reading.js'
import type { LabelledFile } from './images.js'

/** Options of {@link jpegList}. */
export interface ListOptions extends SourceOptions {
  /** Folder that paths are relative to; that of the list by default. */
  directory?: string | undefined
  /**
   * What is between a path and its label: one character, or a blank for any number of blanks. By default a comma in a .csv file, a tab in a
   * .tsv file, and in others what the first line has: a tab, else a comma, else a blank.
   */
  separator?: string | undefined
  /**
   * Names of the columns in the list's first line. By default it is told by usual names (`path` or `filename`, `label` or `class`), or
   * because its path is no JPEG file's name and no file, while others are.
   */
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
 * lines that begin with # are passed over. If the first line names the columns others may be there, else there are two.
 *
 * @throws ModelError `INVALID_OPTION`; when it is used, `FILE_NOT_FOUND` or `FILE_UNREADABLE`, with the lines that are
 * not a path and a label
 */
export function jpegList(file: string | FileUrl, options: ListOptions = {}): JpegList {
  const path = pathOf(checked(pathSchema, file, 'jpegList.file'), 'jpegList.file')
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

/** Whether a file's name is that of a list. */
export function isList(file: string): boolean {
  return /\.(csv|tsv|txt)$/i.test(file)
}

/** A line of a list: where it is, and its fields. */
interface Line {
  number: number
  fields: string[]
}

/** How many bad lines an error names. */
const NAMED = 3

/** Reads a list; see {@link jpegList}. */
export async function readList(list: JpegList): Promise<LabelledFile[]> {
  const { file } = list
  const { path, label, width, rest } = await headed(list, await linesOf(list))
  const bad: string[] = []
  const files = rest.map(({ number, fields }) => {
    const [given = '', name = ''] = [fields[path], fields[label]]
    if (given === '' || name === '' || fields.length !== width) bad.push(`line ${number} has ${found(fields)}`)
    return { file: located(list, given), label: name }
  })
  if (bad.length === 0) return files
  const more = bad.length > NAMED ? [`${bad.length - NAMED} more are wrong`] : []
  const expected = width === 2 ? 'a path and a label on each line' : `${width} fields on each line, as the first has`
  throw mismatch('FILE_UNREADABLE', file, expected, [...bad.slice(0, NAMED), ...more].join('; '))
}

/**
 * The paths of a list, whose lines may have no labels.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`
 */
export async function readPaths(list: JpegList): Promise<string[]> {
  const lines = await linesOf(list)
  const { path, rest } = lines.every(({ fields }) => fields.length === 1)
    ? { path: 0, rest: (await isHeader(list, lines, 0)) ? lines.slice(1) : lines }
    : await headed(list, lines)
  return rest.map(({ fields }) => fields[path] ?? '').flatMap(given => (given === '' ? [] : [located(list, given)]))
}

async function linesOf({ file, separator }: JpegList): Promise<Line[]> {
  const content = await contentOf(file)
  const between = separator ?? usualSeparator(file, content)
  return between === ' ' ? blankSeparated(content) : separated(file, content, between)
}

function located({ directory }: JpegList, path: string): string {
  return isAbsolute(path) ? path : join(directory, path)
}

/** Usual names of columns, without what is between their words. */
const PATH_NAMES =
  /^(path|file|filename|filepath|image|imagename|imagepath|imagefile|img|imgpath|imgname|picture|photo)s?$/
const LABEL_NAMES = /^(label|labelname|class|classname|category|categoryname|target|species|breed)(es|s)?$/

/** Lines that are looked at to tell whether the first names columns. */
const LOOKED_AT = 20

/**
 * Where a line has its path and label, and the lines after that which names the columns, if one does: the first, if it has the names
 * given or usual ones, or if its path is no JPEG file's name and no file, while paths on other lines are.
 */
async function headed(list: JpegList, lines: readonly Line[]) {
  const { file, columns } = list
  const header = lines[0]?.fields ?? []
  const names = header.map(field => field.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ''))
  const exact = (name: string) => header.findIndex(field => field.toLowerCase() === name.toLowerCase())
  const usual = (kind: RegExp) => names.findIndex(name => kind.test(name))
  const rest = lines.slice(1)
  const [path, label] = columns
    ? [exact(columns.path), exact(columns.label)]
    : [firstOf(exact('path'), usual(PATH_NAMES)), firstOf(exact('label'), usual(LABEL_NAMES))]
  if (path >= 0 && label >= 0 && path !== label) return { path, label, width: header.length, rest }
  if (columns) {
    const expected = `the columns ${columns.path} and ${columns.label} in its first line`
    throw mismatch('FILE_UNREADABLE', file, expected, header.join(', ') || 'none')
  }
  const ofPictures = firstOf(path, columnOfPictures(rest))
  const where = Math.max(ofPictures, 0)
  if (!(await isHeader(list, lines, where))) return { path: 0, label: 1, width: 2, rest: lines }
  const other = firstOf(label, header.length === 2 ? 1 - where : -1)
  if (other >= 0) return { path: where, label: other, width: header.length, rest }
  throw mismatch('FILE_UNREADABLE', file, 'a column called label or class in its first line', header.join(', '))
}

/** The first place that there is. */
function firstOf(...places: readonly number[]): number {
  return places.find(place => place >= 0) ?? -1
}

/** The first column that has names of JPEG files, below the names of columns; −1 if there is none. */
function columnOfPictures(lines: readonly Line[]): number {
  const some = lines.slice(0, LOOKED_AT)
  const width = Math.max(0, ...some.map(({ fields }) => fields.length))
  const columns = Array.from({ length: width }, (_, column) => column)
  return columns.find(column => some.some(({ fields }) => isJpegName(fields[column] ?? ''))) ?? -1
}

/** Whether the first line names columns: its path is no JPEG file's name and no file, while some others' are. */
async function isHeader(list: JpegList, lines: readonly Line[], path: number): Promise<boolean> {
  const isThere = async ({ fields }: Line) =>
    (await stat(located(list, fields[path] ?? '')).catch(() => undefined))?.isFile() ?? false
  const isPicture = ({ fields }: Line) => isPictureName(fields[path] ?? '')
  const [first, ...rest] = lines.slice(0, LOOKED_AT)
  if (!first || isPicture(first) || (await isThere(first))) return false
  for (const line of rest) if (isPicture(line) || (await isThere(line))) return true
  return false
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
    // A name that has blanks and no label after it.
    if (isJpegName(line.trim()) && !isJpegName(path ?? '')) return [{ number: index + 1, fields: [line.trim()] }]
    return { number: index + 1, fields: path && label ? [quoted(path), quoted(label)] : [line.trim()] }
  })
}
