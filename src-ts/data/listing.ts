/** What a source has before any of it is decoded. */
import type { NativePackedSet } from '../native/addon.js'
import { listFolder, type JpegFolder, type SkippedFile } from './folder.js'
import type { JpegFiles, JpegImages } from './images.js'

/** Where pictures come from. */
export type JpegSource = JpegFolder | JpegFiles | JpegImages

/** A source's files before they are decoded. */
export interface Listing {
  /** What errors call the source. */
  source: string
  classes: string[]
  labels: number[]
  names: string[]
  skipped: SkippedFile[]
  /** The bytes of the files, if they are in memory. */
  jpegs: readonly Uint8Array[] | undefined
}

/**
 * Lists a source.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_CLASSES`
 */
export async function list(source: JpegSource): Promise<Listing> {
  switch (source.type) {
    case 'folder': {
      const { classes, files, labels, skipped } = await listFolder(source.directory)
      return { source: source.directory, classes, labels, names: files, skipped, jpegs: undefined }
    }
    case 'files': {
      const names = source.files.map(({ file }) => file)
      return { source: 'jpegFiles', ...numbered(source.files), names, skipped: [], jpegs: undefined }
    }
    case 'images': {
      const names = source.images.map(({ name }, index) => name ?? `image ${index}`)
      const jpegs = source.images.map(({ jpeg }) => jpeg)
      return { source: 'jpegImages', ...numbered(source.images), names, skipped: [], jpegs }
    }
  }
}

/** Decodes some of the files into a set. */
export function decode({ names, jpegs }: Listing, set: NativePackedSet, start: number, end: number) {
  const some = names.slice(start, end)
  return jpegs ? set.decodeBuffers(jpegs.slice(start, end), some) : set.decodeFiles(some)
}

/** Classes in the order of their names, and each entry's number of its class. */
function numbered(entries: readonly { label: string }[]): { classes: string[]; labels: number[] } {
  const classes = [...new Set(entries.map(({ label }) => label))].sort((a, b) => (a < b ? -1 : 1))
  const numbers = new Map(classes.map((name, number) => [name, number]))
  return { classes, labels: entries.map(({ label }) => numbers.get(label) as number) }
}
