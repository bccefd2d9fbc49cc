/** From a path to the data set that lies there. */
import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { mismatch } from '../errors.js'
import { checked } from '../options.js'
import { untarred } from './archive.js'
import { pathOf, pathSchema, type FileUrl } from './bytes.js'
import {
  jpegFolder,
  notAFolder,
  readFolder,
  sourceOptionsSchema,
  type JpegFolder,
  type SourceOptions,
} from './folder.js'
import { layoutOf, type Layout, type Place } from './layout.js'
import { isList, jpegList, type JpegList } from './list.js'
import { isPassedOver, isPictureName } from './names.js'
import { bytesOfArchive, jpegTar, partsOf, type JpegTar } from './tar.js'

/** Folders that were found by their layout, which is not looked into again when they are read. */
const found = new WeakSet<JpegFolder>()

/** A data set that lies on disk, and the parts that it is divided into. */
export interface FoundDataset<Source = JpegFolder | JpegList | JpegTar> {
  /** What is learned from: the part of that name, or all that there is. */
  readonly train: Source
  /** What is tested on while learning: `val`, `valid` or `validation`. */
  readonly validation?: Source | undefined
  /** What is tested on at the end: `test`. */
  readonly test?: Source | undefined
  /** Folders of images beside the parts, which are none of them; the first few. */
  readonly beside: readonly string[]
}

/** An archive, and the folder in it after a colon. */
const TAR = /^(.*\.(?:tar|tar\.\w+|tgz|txz|tbz2?|tzst))(?::(.+))?$/i

/**
 * The data set at a path: a folder, a list (.csv, .tsv, .txt), a tar archive, or a folder in one (`photos.tar:cars`). A
 * folder may have its classes in it, in the only folder in it, or in parts: `train` and one or two of `val`, `valid`, `validation`
 * and `test`. Images are not read.
 *
 * @throws ModelError `INVALID_OPTION`; `FILE_NOT_FOUND`, `FILE_UNREADABLE`, also for a file of another kind; `NO_CLASSES` for parts
 *   without one to learn from, or without folders for classes
 */
export async function findDataset(path: string | FileUrl, options: SourceOptions = {}): Promise<FoundDataset> {
  const given = checked(sourceOptionsSchema, options, 'findDataset')
  const where = pathOf(checked(pathSchema, path, 'findDataset.path'), 'findDataset.path')
  const kind = await kindOf(where)
  if (kind !== 'folder' && isList(where)) return { train: jpegList(where, given), beside: [] }
  const [, archive, folder] = TAR.exec(where) ?? []
  if (kind !== 'folder' && archive !== undefined) {
    const whole = jpegTar(archive, { ...given, folder })
    const layout = await layoutOf(await placeInTar(whole))
    // A class is the folder next to its images, wherever that is: only parts must be told apart.
    if (!layout.validation && !layout.test) return { train: whole, beside: [] }
    return inParts(layout, at => jpegTar(archive, { ...given, folder: at.slice(archive.length + 1) }))
  }
  if (kind !== 'file') {
    return inParts(await folderLayout(where), at => {
      const folder = jpegFolder(at, given)
      found.add(folder)
      return folder
    })
  }
  const expected = 'a folder, a list (.csv, .tsv, .txt) or a tar archive (.tar, .tar.gz)'
  const isZip = /\.(zip|7z|rar)$/i.test(where)
  throw mismatch(
    'FILE_UNREADABLE',
    where,
    expected,
    isZip ? 'an archive to be unpacked first' : 'a file of another name',
  )
}

/** Whether a path names many images with their classes rather than one file. */
export async function isDataset(path: string): Promise<boolean> {
  return isList(path) || TAR.test(path) || (await kindOf(path)) === 'folder'
}

/**
 * Where the classes of a folder and its parts are; see {@link layoutOf}.
 *
 * @throws ModelError as {@link findDataset}
 */
export function folderLayout(directory: string): Promise<Layout> {
  return layoutOf(placeOnDisk(directory, directory))
}

/**
 * Refuses a folder that has parts, unless it is one that {@link findDataset} gave.
 *
 * @throws ModelError `NO_CLASSES` if it is a folder of a data set's parts, whose names would be learned as classes
 */
export async function mustHaveNoParts(folder: JpegFolder): Promise<void> {
  if (found.has(folder)) return
  const { directory } = folder
  const { train, validation, test } = await folderLayout(directory)
  const parts = [train, validation, test].filter(part => part !== undefined)
  if (parts.length === 1) return
  const said = `the parts of a data set: name one, or ask findDataset: ${parts.join(', ')}`
  throw mismatch('NO_CLASSES', directory, 'a folder with one folder of JPEG files for each class', said)
}

function inParts<Source>(
  { train, validation, test, beside }: Layout,
  at: (path: string) => Source,
): FoundDataset<Source> {
  return {
    train: at(train),
    ...(validation !== undefined && { validation: at(validation) }),
    ...(test !== undefined && { test: at(test) }),
    beside,
  }
}

async function kindOf(path: string): Promise<'folder' | 'file' | undefined> {
  const there = await stat(path).catch(() => undefined)
  return there && (there.isDirectory() ? 'folder' : 'file')
}

function placeOnDisk(path: string, name: string): Place {
  let folders: Promise<readonly Place[]> | undefined
  return {
    name,
    path,
    hasPictures: async () => {
      // A class may have very many files, of which one is enough.
      const entries = await opendir(path).catch((cause: NodeJS.ErrnoException) => {
        throw notAFolder(path, cause)
      })
      for await (const entry of entries) {
        if (!entry.isDirectory() && !isPassedOver(entry.name) && isPictureName(entry.name)) return true
      }
      return false
    },
    folders: () =>
      (folders ??= readFolder(path).then(({ entries }) =>
        entries.filter(({ isFolder }) => isFolder).map(({ name }) => placeOnDisk(join(path, name), name)),
      )),
  }
}

/** The folder of an archive that is read; its entries are gone through once, and no file is kept. */
async function placeInTar(source: JpegTar): Promise<Place> {
  const whole = source.folder === ''
  const top = new TarPlace('', whole ? source.name : `${source.name}:${source.folder}`, whole)
  const below = partsOf(source.folder).length
  const begin = (signal: AbortSignal) => bytesOfArchive(source, signal)
  for await (const { path, type } of untarred(source.name, begin, new AbortController().signal)) {
    const parts = partsOf(path)
    if (type === 'directory' || parts.some(isPassedOver)) continue
    if (parts.slice(0, below).join('/') !== source.folder) continue
    top.add(parts.slice(below))
  }
  return top
}

class TarPlace implements Place {
  readonly name: string
  readonly path: string
  readonly #isTop: boolean
  readonly #folders = new Map<string, TarPlace>()
  #hasPictures = false

  constructor(name: string, path: string, isTop = false) {
    this.name = name
    this.path = path
    this.#isTop = isTop
  }

  add([first = '', ...rest]: readonly string[]): void {
    if (rest.length === 0) {
      this.#hasPictures ||= isPictureName(first)
      return
    }
    const folder = this.#folders.get(first) ?? new TarPlace(first, this.#pathOf(first))
    this.#folders.set(first, folder)
    folder.add(rest)
  }

  /** `photos.tar:train`, `photos.tar:train/cat` */
  #pathOf(folder: string): string {
    return `${this.path}${this.#isTop ? ':' : '/'}${folder}`
  }

  hasPictures(): Promise<boolean> {
    return Promise.resolve(this.#hasPictures)
  }

  folders(): Promise<readonly Place[]> {
    return Promise.resolve([...this.#folders.values()].sort((a, b) => (a.name < b.name ? -1 : 1)))
  }
}
