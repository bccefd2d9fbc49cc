import { createReadStream } from 'node:fs'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { checked } from '../options.js'
import { untarred, type TarEntry } from './archive.js'
import { isBytes, isFileUrl, LARGEST_FILE, pathOf, pieces, type JpegBytes, type JpegFile } from './bytes.js'
import { chunks, type Chunk, type StreamEntry } from './chunks.js'
import { sourceOptionsSchema, type SourceOptions } from './folder.js'
import { partOf } from './layout.js'
import { isJpegName, isPassedOver, JPEG_NAMES, whyNotRead } from './names.js'
import type { Reading } from './reading.js'
import { isIterable, until } from './iteration.js'
import { bytesOf, memorySchema, type MemorySize } from './memory.js'

/** Options of {@link jpegTar}. */
export interface TarOptions extends SourceOptions {
  /**
   * Where an image's class is: its folder's name (`train/cat/1.jpg` is of cat) by default, or the text of the file of the same name that
   * ends in `.cls` and stands next to it (`0001.jpg`, `0001.cls`), as WebDataset has it.
   */
  label?: 'folder' | 'cls' | undefined
  /** The folder in the archive to read, `cifar10/train`; all by default. */
  folder?: string | undefined
  /** Most bytes of a file in the archive; 256 MiB by default. A larger one is not taken into memory, and is an error. */
  largest?: MemorySize | undefined
}

/** A tar archive. It is read when it is used, one that is a stream once. */
export interface JpegTar extends Reading {
  readonly type: 'tar'
  /** What errors call it: its path, if it has one. */
  readonly name: string
  /** Its bytes, if it is not a file. */
  readonly bytes: JpegBytes | Iterable<Uint8Array> | undefined
  readonly label: 'folder' | 'cls'
  readonly folder: string
  /** In bytes. */
  readonly largest: number
}

const tarOptionsSchema = z.strictObject({
  ...sourceOptionsSchema.shape,
  label: z.enum(['folder', 'cls']).optional(),
  folder: z.string().min(1).optional(),
  largest: memorySchema.optional(),
}) satisfies z.ZodType<TarOptions>

/** What an archive can be given as. */
export type TarArchive = JpegFile | Iterable<Uint8Array>

const archiveSchema = z.custom<TarArchive>(
  value => (typeof value === 'string' ? value !== '' : isFileUrl(value) || isBytes(value) || isIterable(value)),
  'a path, a file: URL, bytes, or a stream of them',
)

/**
 * The JPEG files of a tar archive, plain or compressed by gzip, which is told from its bytes: its path, its bytes, or a stream, such
 * as a Node `Readable`, a web `ReadableStream` or an async iterable of bytes. It is read from its beginning to its end
 * and no faster than images are decoded; nothing is written to disk. Folders, hidden files and other files are passed
 * over as {@link jpegFolder} does. Links are not followed: one that has a JPEG file's name is a file that cannot be used.
 *
 * @throws ModelError `INVALID_OPTION`; when it is used, `FILE_NOT_FOUND`; `FILE_UNREADABLE` if it is no tar archive, compressed
 * otherwise, damaged or cut off; `NO_CLASSES` if it has folders `train` and `test`, of which `folder` is to name one; `INVALID_OPTION` as
 * {@link jpegStream}; errors of a stream as they are
 */
export function jpegTar(archive: TarArchive, options: TarOptions = {}): JpegTar {
  const checkedArchive = checked(archiveSchema, archive, 'jpegTar')
  const given = isFileUrl(checkedArchive) ? pathOf(checkedArchive, 'jpegTar') : checkedArchive
  const {
    label = 'folder',
    folder = '',
    largest,
    onError = 'error',
    limits,
    orientation,
  } = checked(tarOptionsSchema, options, 'jpegTar')
  const path = typeof given === 'string'
  return Object.freeze({
    type: 'tar',
    // Told by its number: to ask for stdin would open it.
    name: path ? given : 'fd' in given && given.fd === 0 ? 'stdin' : 'jpegTar',
    bytes: path ? undefined : given,
    label,
    folder: partsOf(folder).join('/'),
    largest: bytesOf(largest) ?? LARGEST_FILE,
    onError,
    limits,
    orientation,
  })
}

/** The images of an archive, some at a time. */
export function tarEntries(source: JpegTar): (signal: AbortSignal) => AsyncGenerator<Chunk, void> {
  const { name, label } = source
  return signal => {
    const entries = meant(
      source,
      untarred(name, stop => bytesOfArchive(source, stop), signal),
    )
    return chunks(label === 'folder' ? byFolder(name, entries) : bySample(entries))
  }
}

/** The archive's own bytes. */
export async function* bytesOfArchive({ name, bytes }: JpegTar, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  if (bytes) return yield* pieces(bytes, name, signal)
  try {
    yield* until<Uint8Array>(createReadStream(name, { highWaterMark: 2 ** 18 }), signal)
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    const { code, message } = cause as NodeJS.ErrnoException
    const [kind, found] =
      code === 'ENOENT' ? (['FILE_NOT_FOUND', 'none'] as const) : (['FILE_UNREADABLE', message] as const)
    throw mismatch(kind, name, 'a tar archive', code === 'EISDIR' ? 'a folder' : found)
  }
}

/** An entry with what errors call it, and its bytes if they can be had. */
interface Entry {
  name: string
  /** Its path in the archive, or in the folder of it that is read. */
  path: string
  read: () => Promise<Uint8Array | ModelError>
}

/** Entries that are meant: no folders, not hidden, and in the folder asked for. */
async function* meant(source: JpegTar, entries: AsyncIterable<TarEntry>): AsyncGenerator<Entry, void> {
  const { folder, largest } = source
  for await (const { path: written, type, target, size, read } of entries) {
    const parts = partsOf(written)
    const path = parts.join('/')
    if (type === 'directory' || parts.some(isPassedOver)) continue
    if (folder !== '' && !path.startsWith(`${folder}/`)) continue
    const name = source.bytes ? path : `${source.name}/${path}`
    const wrong = wrongWith(name)
    yield {
      name,
      path: folder === '' ? path : path.slice(folder.length + 1),
      read: async () => {
        if (type !== 'file') return wrong('a file', target ? `a link to ${target}` : `a ${type}`)
        if (size <= largest) return read()
        return mismatch('JPEG_TOO_LARGE', name, `a file of at most ${largest} bytes`, `one of ${size}`)
      },
    }
  }
}

function wrongWith(name: string) {
  return (expected: string, found: string) => mismatch('FILE_UNREADABLE', name, expected, found)
}

/** Parts of a path, `.` left out. */
export function partsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '' && part !== '.')
}

async function* byFolder(source: string, entries: AsyncIterable<Entry>): AsyncGenerator<StreamEntry, void> {
  const parts = new Map<string, string>()
  for await (const { name, path, read } of entries) {
    if (!isJpegName(path)) {
      yield { file: name, reason: whyNotRead(path) }
      continue
    }
    const [label, above = ''] = path.split('/').reverse().slice(1)
    const part = partOf(above)
    if (part) parts.set(part, above)
    if (parts.size > 1) {
      const expected = `one folder of classes (the option folder, or ${source}:train in a command, names it; findDataset tells all)`
      throw mismatch('NO_CLASSES', source, expected, `${[...parts.values()].join(' and ')}, each with classes`)
    }
    yield label === undefined
      ? wrongWith(name)('a folder that is its class', 'none')
      : labelled(name, label, await read())
  }
}

function labelled(name: string, label: string, jpeg: Uint8Array | ModelError): StreamEntry {
  return jpeg instanceof ModelError ? jpeg : { jpeg, label, name }
}

/** Files next to each other whose names are the same up to the first dot: an image and its class. */
interface Sample {
  key: string
  picture?: { name: string; jpeg: Uint8Array | ModelError }
  cls?: { name: string; label: string }
}

async function* bySample(entries: AsyncIterable<Entry>): AsyncGenerator<StreamEntry, void> {
  let sample: Sample = { key: '' }
  for await (const { name, path, read } of entries) {
    const [, key = path, kind = ''] = /^((?:.*\/)?[^/.]+)\.([^/]*)$/.exec(path) ?? []
    if (key !== sample.key) {
      yield* ofSample(sample)
      sample = { key }
    }
    if (kind === 'cls') {
      const text = await read()
      if (text instanceof ModelError) yield text
      else sample.cls = { name, label: Buffer.from(text).toString('utf8').trim() }
    } else if (isJpegName(`x.${kind}`)) sample.picture = { name, jpeg: await read() }
    else yield { file: name, reason: `not called ${JPEG_NAMES} or .cls` }
  }
  yield* ofSample(sample)
}

function* ofSample({ key, picture, cls }: Sample): Generator<StreamEntry, void> {
  if (picture && cls?.label) yield labelled(picture.name, cls.label, picture.jpeg)
  else if (picture) yield wrongWith(picture.name)(`its class in ${key}.cls next to it`, cls ? 'an empty one' : 'none')
  else if (cls) yield { file: cls.name, reason: 'no image of its name next to it' }
}
