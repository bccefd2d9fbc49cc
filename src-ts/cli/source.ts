/** What DATA on a command line names. */
import { stat } from 'node:fs/promises'
import { mismatch } from '../errors.js'
import { jpegFolder, jpegList, jpegTar, type ClassBalance, type JpegSource, type OnBadFile } from '../index.js'
import { count } from './terminal.js'

/** What it may be, for the command's help. */
export const DATA =
  'a folder with a folder for each class, a list of paths and labels (.csv, .tsv, .txt), a tar archive (.tar, .tar.gz) or a folder in it (photos.tar:train), or - for one on stdin'

const LIST = /\.(csv|tsv|txt)$/i
/** An archive, and the folder in it after a colon. */
const TAR = /^(.*\.(?:tar|tar\.\w+|tgz|txz|tbz2?|tzst))(?::(.+))?$/i

/**
 * The pictures that an argument names.
 *
 * @throws ModelError `FILE_UNREADABLE` if it is a file of another kind; `INVALID_OPTION` if stdin is a terminal
 */
export async function sourceOf(data: string, onError: OnBadFile): Promise<JpegSource> {
  const options = { onError }
  if (data === '-') {
    if (process.stdin.isTTY) throw mismatch('INVALID_OPTION', '-', 'a tar archive on stdin', 'a terminal')
    return jpegTar(process.stdin, options)
  }
  const kind = await kindOf(data)
  if (kind !== 'folder' && LIST.test(data)) return jpegList(data, options)
  const [, archive, folder] = TAR.exec(data) ?? []
  if (kind !== 'folder' && archive !== undefined) return jpegTar(archive, { ...options, folder })
  if (kind !== 'file') return jpegFolder(data, options)
  const expected = 'a folder, a list (.csv, .tsv, .txt) or a tar archive (.tar, .tar.gz)'
  throw mismatch('FILE_UNREADABLE', data, expected, 'a file of another name')
}

/** Whether an argument names many pictures with their classes rather than one file. */
export async function isData(argument: string): Promise<boolean> {
  return argument === '-' || LIST.test(argument) || TAR.test(argument) || (await kindOf(argument)) === 'folder'
}

async function kindOf(path: string): Promise<'folder' | 'file' | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && (found.isDirectory() ? 'folder' : 'file')
}

/** How even the classes of a data set are, in one line. */
export function balanceText({ classes, ratio }: ClassBalance): string {
  const few = classes.reduce((least, other) => (other.count < least.count ? other : least))
  const many = classes.reduce((most, other) => (other.count > most.count ? other : most))
  if (ratio === 1) return `${count(classes.length)} classes of ${count(few.count)} images each`
  const times = Number.isFinite(ratio) ? `, ${ratio.toFixed(ratio < 10 ? 1 : 0)} times as many` : ''
  return `${count(classes.length)} classes of ${count(few.count)} (${few.name}) to ${count(many.count)} images (${many.name})${times}`
}
