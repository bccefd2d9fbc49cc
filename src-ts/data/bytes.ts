/** The bytes of files, in whatever a program has them. */
import { types } from 'node:util'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { readOnce, until, type WebStream } from './iteration.js'

/**
 * The bytes of a file: a `Uint8Array`, `Buffer`, `DataView` or `ArrayBuffer`; a `Blob`, `File` or `Response`; a Node or
 * web stream, or another async iterable of bytes, each of which is read once.
 */
export type JpegBytes =
  ArrayBufferView | ArrayBuffer | SharedArrayBuffer | BytesInTime | AsyncIterable<Uint8Array> | WebStream

/** What gives its bytes as a `Blob`, a `File` and a `Response` do. */
export interface BytesInTime {
  arrayBuffer: () => Promise<ArrayBuffer>
}

/** A `URL` of the scheme `file:`. */
export interface FileUrl {
  readonly href: string
  readonly protocol: string
}

/** A JPEG file: its path or `file:` URL, or its bytes. */
export type JpegFile = string | FileUrl | JpegBytes

/** Bytes of a stream that are taken into memory for one file, at most. */
export const LARGEST_FILE = 256 * 2 ** 20

export const BYTES = 'the bytes of a JPEG file (Uint8Array, ArrayBuffer, Blob, stream)'

export const bytesSchema = z.custom<JpegBytes>(isBytes, BYTES)

export const pathSchema = z.custom<string | FileUrl>(
  value => (typeof value === 'string' ? value !== '' : isFileUrl(value)),
  'a path or a file: URL',
)

export const jpegFileSchema = z.custom<JpegFile>(
  value => (typeof value === 'string' ? value !== '' : isFileUrl(value) || isBytes(value)),
  `a path, a file: URL, or ${BYTES}`,
)

/**
 * A path, or bytes with what errors call them: a file's own name if it has one, else the name given.
 *
 * @throws ModelError as {@link pathOf} and {@link readBytes}
 */
export async function opened(
  file: JpegFile,
  unnamed: string,
  where: string,
  signal?: AbortSignal,
): Promise<{ name: string; jpeg: Uint8Array | undefined }> {
  if (typeof file === 'string' || isFileUrl(file)) return { name: pathOf(file, where), jpeg: undefined }
  const name = nameOf(file) ?? unnamed
  return { name, jpeg: await readBytes(file, name, signal) }
}

/** The name that a `File` has. */
function nameOf(bytes: JpegBytes): string | undefined {
  const name = 'arrayBuffer' in bytes && 'name' in bytes ? bytes.name : undefined
  return typeof name === 'string' && name !== '' ? name : undefined
}

/** Whether a value is bytes, or gives them when it is asked; of whatever realm. */
export function isBytes(value: unknown): value is JpegBytes {
  if (typeof value !== 'object' || value === null) return false
  return isInMemory(value) || has(value, 'arrayBuffer') || has(value, 'getReader') || has(value, Symbol.asyncIterator)
}

/** Whether a value is a `URL` of a file. */
export function isFileUrl(value: unknown): value is FileUrl {
  return (
    typeof value === 'object' && value !== null && 'href' in value && 'protocol' in value && value.protocol === 'file:'
  )
}

/**
 * The path that a value names.
 *
 * @throws ModelError `INVALID_OPTION` for a URL that is none on this system
 */
export function pathOf(file: string | FileUrl, where: string): string {
  if (typeof file === 'string') return file
  try {
    return fileURLToPath(file.href)
  } catch (error) {
    throw mismatch('INVALID_OPTION', where, 'a file: URL of this system', `${file.href} (${(error as Error).message})`)
  }
}

/**
 * All bytes of a file; what is in memory is not copied.
 *
 * @throws ModelError `FILE_UNREADABLE` if they cannot be had, `JPEG_TOO_LARGE` if a stream does not end in time, `INVALID_OPTION` if a
 *   stream gives no bytes or was read before; `ABORTED`
 */
export async function readBytes(bytes: JpegBytes, name: string, signal?: AbortSignal): Promise<Uint8Array> {
  if (isInMemory(bytes)) return inMemory(bytes)
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const part of pieces(bytes, name, signal ?? new AbortController().signal)) {
      parts.push(part)
      length += part.length
      if (length > LARGEST_FILE)
        throw mismatch('JPEG_TOO_LARGE', name, `at most ${LARGEST_FILE} bytes`, 'more of a stream')
    }
  } catch (cause) {
    if (cause instanceof ModelError) throw cause
    const found = cause instanceof Error ? cause.message : String(cause)
    const details = { path: name, expected: 'its bytes', found, cause }
    throw new ModelError('FILE_UNREADABLE', `${name}: expected its bytes, found ${found}`, details)
  }
  const [only] = parts
  return only && parts.length === 1 ? only : Buffer.concat(parts, length)
}

/**
 * The bytes of a file as they come. What they come from is ended if they are not all taken.
 *
 * @throws ModelError `FILE_UNREADABLE` for a response that is none of a file, `INVALID_OPTION` for a stream of other values;
 *   `ABORTED`; whatever a stream throws
 */
export async function* pieces(
  bytes: JpegBytes | Iterable<Uint8Array>,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  if (isInMemory(bytes)) return yield inMemory(bytes)
  if ('ok' in bytes && bytes.ok === false) {
    const status = 'status' in bytes ? ` of status ${String(bytes.status)}` : ''
    throw mismatch('FILE_UNREADABLE', name, 'the bytes of a file', `a response${status}`)
  }
  if ('arrayBuffer' in bytes) return yield inMemory(await bytes.arrayBuffer())
  readOnce(bytes, name)
  for await (const part of until<unknown>(bytes, signal)) {
    if (!isInMemory(part)) throw mismatch('INVALID_OPTION', name, 'a stream of bytes', `one of ${typeof part}s`)
    yield inMemory(part)
  }
}

function isInMemory(value: unknown): value is ArrayBufferView | ArrayBuffer | SharedArrayBuffer {
  return ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value)
}

/** Bytes as the addon takes them. Memory that other threads may write to is copied. */
function inMemory(bytes: ArrayBufferView | ArrayBuffer | SharedArrayBuffer): Uint8Array {
  const view = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes)
  return types.isSharedArrayBuffer(view.buffer) ? view.slice() : view
}

function has(value: object, method: string | symbol): boolean {
  return typeof (value as Record<string | symbol, unknown>)[method] === 'function'
}
