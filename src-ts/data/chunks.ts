/** Files of a source some at a time, as many as are worth a call that decodes them. */
import type { ModelError } from '../errors.js'
import type { SkippedFile } from './folder.js'

/** Some files of a source, in its order. */
export interface Chunk {
  names: string[]
  /** The class of each, by name. */
  labels: string[]
  /** The bytes of each, if they are in memory. */
  jpegs?: Uint8Array[]
  /** What was left out among them, and why. */
  skipped?: SkippedFile[]
  /** Why others cannot be used, each with its name as the path. */
  bad?: ModelError[]
}

/** One thing that a stream gives: an image, a file left out, or why one cannot be used. */
export type StreamEntry = { jpeg: Uint8Array; label: string; name: string } | SkippedFile | ModelError

/** Most files, and bytes of them from which on no more are taken, that are gathered for one call. */
const FILES_A_CALL = 256
export const BYTES_A_CALL = 32 * 2 ** 20

/** Gathers what a stream gives to chunks that are worth a call. */
export async function* chunks(entries: AsyncIterable<StreamEntry>): AsyncGenerator<Chunk, void> {
  let chunk = emptyChunk()
  let [files, bytes] = [0, 0]
  for await (const entry of entries) {
    files += 1
    if ('jpeg' in entry) {
      chunk.names.push(entry.name)
      chunk.labels.push(entry.label)
      chunk.jpegs.push(entry.jpeg)
      bytes += entry.jpeg.length
    } else if ('reason' in entry) chunk.skipped.push(entry)
    else chunk.bad.push(entry)
    if (files < FILES_A_CALL && bytes < BYTES_A_CALL) continue
    yield chunk
    chunk = emptyChunk()
    ;[files, bytes] = [0, 0]
  }
  if (files > 0) yield chunk
}

function emptyChunk() {
  return { names: [], labels: [], jpegs: [], skipped: [], bad: [] } satisfies Chunk as Required<Chunk>
}
