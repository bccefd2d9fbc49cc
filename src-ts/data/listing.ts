/** What a source has before any of it is decoded. */
import type { NativePackedSet } from '../native/addon.js'
import { chunks, type Chunk } from './chunks.js'
import { mustHaveNoParts } from './find.js'
import { listFolder, type JpegFolder } from './folder.js'
import type { JpegFiles, JpegImages } from './images.js'
import { readList, type JpegList } from './list.js'
import { inMemory, streamed, type JpegStream } from './stream.js'
import { tarEntries, type JpegTar } from './tar.js'

/** Where images come from. */
export type JpegSource = JpegFolder | JpegFiles | JpegImages | JpegList | JpegStream | JpegTar

/** A source that is about to be read. */
export interface Listing {
  /** What errors call the source. */
  source: string
  /** Files there are, if that is known. */
  total: number | undefined
  /** From where an image that does not fit the memory can be had again. */
  again: 'files' | 'bytes' | 'nowhere'
  /** In which order classes are numbered. */
  order: 'codes' | 'values'
  /** Its files; the signal ends what is being waited for. */
  chunks: (signal: AbortSignal) => AsyncIterable<Chunk>
}

/** How many files one call decodes: few enough that progress shows and an abort is quick. */
const FILES_A_CALL = 512

/**
 * Lists a source.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_CLASSES`; `INVALID_OPTION` if it is a stream that was read
 */
export async function list(source: JpegSource): Promise<Listing> {
  switch (source.type) {
    case 'folder': {
      await mustHaveNoParts(source)
      const { classes, files, labels, skipped } = await listFolder(source.directory, source.onError)
      const names = labels.map(label => classes[label] as string)
      return listed(source.directory, { names: files, labels: names, skipped }, 'codes')
    }
    case 'files':
      return listed(
        'jpegFiles',
        ofEach(source.files, ({ file }) => file),
      )
    case 'images': {
      const { images } = source
      const chunks = (signal: AbortSignal) => ofImages(images, signal)
      return { source: 'jpegImages', total: images.length, again: 'bytes', order: 'values', chunks }
    }
    case 'list':
      return listed(
        source.file,
        ofEach(await readList(source), ({ file }) => file),
      )
    case 'stream':
      return { source: 'jpegStream', total: undefined, again: 'nowhere', order: 'values', chunks: streamed(source) }
    case 'tar': {
      const { name, label } = source
      const order = label === 'folder' ? 'codes' : 'values'
      const where = source.folder === '' ? name : `${name}, folder ${source.folder}`
      return { source: where, total: undefined, again: 'nowhere', order, chunks: tarEntries(source) }
    }
  }
}

/** Decodes files into a set. */
export function decode({ names, jpegs }: Chunk, set: NativePackedSet) {
  return jpegs ? set.decodeBuffers(jpegs, names) : set.decodeFiles(names)
}

function ofEach<T extends { label: string }>(entries: readonly T[], name: (entry: T, index: number) => string): Chunk {
  return { names: entries.map(name), labels: entries.map(({ label }) => label) }
}

/** A source all of whose files are known. */
function listed(source: string, all: Chunk, order: Listing['order'] = 'values'): Listing {
  const { length } = all.names
  const chunks = async function* () {
    if (all.skipped?.length) yield { names: [], labels: [], skipped: all.skipped }
    for (let start = 0; start < length; start += FILES_A_CALL) {
      const some = <T>(each: readonly T[]) => each.slice(start, start + FILES_A_CALL)
      yield { names: some(all.names), labels: some(all.labels) }
    }
  }
  return { source, total: length, again: 'files', order, chunks }
}

/** Images in memory, with the bytes of those that give them when they are asked. */
async function* ofImages(images: JpegImages['images'], signal: AbortSignal): AsyncGenerator<Chunk, void> {
  const each = async function* () {
    for (const [index, image] of images.entries()) yield await inMemory(image, index, signal)
  }
  yield* chunks(each())
}

/**
 * Names of classes in the order in which they are numbered: that of their characters' codes, as folders are listed; or, where
 * labels were given and all are whole numbers, that of their values, so that 2 comes before 10.
 */
export function classesInOrder(names: Iterable<string>, order: Listing['order']): string[] {
  const classes = [...names].sort((a, b) => (a < b ? -1 : 1))
  const byValue = order === 'values' && classes.every(name => /^(0|[1-9]\d{0,14})$/.test(name))
  return byValue ? classes.sort((a, b) => Number(a) - Number(b)) : classes
}
