/** Which images the arguments of `jpegnet predict` name. */
import { stat } from 'node:fs/promises'
import { walk } from '../data/folder.js'
import { isJpegName, JPEG_NAMES, otherFiles } from '../data/names.js'
import { isList, readPaths } from '../data/list.js'
import { mismatch } from '../errors.js'
import { jpegList } from '../index.js'
import { count, say } from './terminal.js'

/** What an image's argument may be, for the command's help. */
export const PICTURES =
  'JPEG files, folders (searched with all their subfolders), and lists of paths (.csv, .tsv, .txt)'

/**
 * The paths of all images, in the order in which they are named; those in a folder in the order of their names.
 *
 * @throws ModelError `FILE_UNREADABLE` if a folder or a list cannot be read or has no images
 */
export async function* picturesOf(names: Iterable<string> | AsyncIterable<string>): AsyncGenerator<string, void> {
  for await (const name of names) {
    if ((await stat(name).catch(() => undefined))?.isDirectory()) yield* picturesIn(name)
    else if (isList(name)) yield* await readPaths(jpegList(name))
    else yield name
  }
}

async function* picturesIn(folder: string): AsyncGenerator<string, void> {
  const others: string[] = []
  let found = 0
  for await (const { path, name, isPassedOver } of walk(folder)) {
    if (isPassedOver) continue
    if (isJpegName(name)) {
      found += 1
      yield path
    } else others.push(name)
  }
  if (found === 0) throw mismatch('FILE_UNREADABLE', folder, `JPEG files (${JPEG_NAMES})`, otherFiles(others))
  if (others.length > 0) {
    say(`${folder}: ${count(others.length)} other ${others.length === 1 ? 'file is' : 'files are'} not read`)
  }
}
