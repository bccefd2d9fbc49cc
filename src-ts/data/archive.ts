/** What is in a tar archive, as its bytes come. */
import { pipeline } from 'node:stream/promises'
import { types } from 'node:util'
import { createGunzip } from 'node:zlib'
import { createTarDecoder } from 'modern-tar'
import { ModelError, mismatch } from '../errors.js'
import { Stop } from './iteration.js'

/** One entry of an archive. */
export interface TarEntry {
  path: string
  /** `file`, `directory`, `symlink`, `link` or another kind. */
  type: string
  /** Where a link leads. */
  target: string | undefined
  /** Bytes of a file. */
  size: number
  /** Its bytes; to be asked for before the next entry, or they are passed over. */
  read: () => Promise<Uint8Array>
}

const EXPECTED = 'a tar archive, plain or compressed by gzip'

/**
 * The entries of an archive, plain or compressed by gzip.
 *
 * @param begin reads its bytes until the signal ends that
 * @throws ModelError `FILE_UNREADABLE` with the archive's name if it is no such archive, is damaged or ends too early; what
 * reading its bytes throws
 */
export async function* untarred(
  name: string,
  begin: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<TarEntry, void> {
  const stop = new Stop(signal)
  const source = new Source(begin(stop.signal))
  const plain = decompressed(name, source.bytes())
  let last: string | undefined
  const explained = (error: unknown) => {
    if (source.failed) return source.error
    if (error instanceof ModelError) return error
    const found = `one that ${complaint(error)}${last === undefined ? '' : ` after ${last}`}`
    const details = { path: name, expected: EXPECTED, found, cause: error }
    return new ModelError('FILE_UNREADABLE', `${name}: expected ${EXPECTED}, found ${found}`, details)
  }
  try {
    const entries = streamOf(plain).pipeThrough(createTarDecoder({ strict: true }))
    for await (const { header, body } of entries) {
      const { name: path, type = 'file', linkname, size } = header
      let taken = false
      // Read by whom the entry is given to, where what follows cannot catch.
      const read = async () => {
        taken = true
        return wholeOf(body, size).catch((error: unknown) => {
          throw explained(error)
        })
      }
      yield { path, type, target: linkname === '' ? undefined : linkname, size, read }
      if (!taken) await body.cancel()
      last = path
    }
  } catch (error) {
    throw explained(error)
  } finally {
    stop.now()
    await plain.return()
  }
}

/** Bytes that remember whether it was they that failed. */
class Source {
  failed = false
  error: unknown
  readonly #bytes: AsyncIterable<Uint8Array>

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#bytes = bytes
  }

  async *bytes(): AsyncGenerator<Uint8Array, void> {
    try {
      yield* this.#bytes
    } catch (error) {
      this.failed = true
      this.error = error
      throw error
    }
  }
}

/** What an archive begins with if it is compressed in a way that is not read here, and what undoes it. */
const COMPRESSIONS: readonly [string, readonly number[], string][] = [
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], 'xz -dc'],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd], 'zstd -dc'],
  ['bzip2', [0x42, 0x5a, 0x68], 'bzip2 -dc'],
  ['zip', [0x50, 0x4b, 0x03, 0x04], 'unzip'],
]

const GZIP = [0x1f, 0x8b]

/** The bytes of the archive itself. */
async function* decompressed(name: string, bytes: AsyncGenerator<Uint8Array, void>): AsyncGenerator<Uint8Array, void> {
  try {
    const first: Uint8Array[] = []
    let length = 0
    while (length < 6) {
      const { done, value } = await bytes.next()
      if (done) break
      first.push(checkedBytes(name, value))
      length += value.length
    }
    const begins = (magic: readonly number[]) => magic.every((byte, index) => head[index] === byte)
    const head = Buffer.concat(first)
    if (length === 0) throw mismatch('FILE_UNREADABLE', name, EXPECTED, 'nothing')
    const other = COMPRESSIONS.find(([, magic]) => begins(magic))
    if (other) {
      const [kind, , command] = other
      throw mismatch('FILE_UNREADABLE', name, EXPECTED, `one compressed by ${kind}, which ${command} undoes`)
    }
    const all = async function* () {
      yield head
      for await (const chunk of bytes) yield checkedBytes(name, chunk)
    }
    yield* begins(GZIP) ? gunzipped(all()) : all()
  } finally {
    await bytes.return()
  }
}

function checkedBytes(name: string, chunk: unknown): Uint8Array {
  if (types.isUint8Array(chunk)) return chunk
  throw mismatch('INVALID_OPTION', name, 'a stream of bytes', `one of ${typeof chunk}s`)
}

async function* gunzipped(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const gunzip = createGunzip({ chunkSize: 2 ** 18 })
  // What ends it is thrown by the loop too.
  const fed = pipeline(bytes, gunzip).catch(() => undefined)
  try {
    yield* gunzip
  } finally {
    gunzip.destroy()
    await fed
  }
}

function streamOf(bytes: AsyncGenerator<Uint8Array, void>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await bytes.next()
      if (done) controller.close()
      else controller.enqueue(value)
    },
  })
}

/** A copy of a file's bytes, which are views of what was read from the archive. */
async function wholeOf(body: ReadableStream<Uint8Array>, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size)
  let at = 0
  for await (const part of body) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** What is wrong with an archive, in the package's own words where the library's are no sentence of ours. */
function complaint(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException
  if (code === 'Z_BUF_ERROR' || /truncated/i.test(message)) return 'is cut off'
  if (code?.startsWith('Z_')) return `is damaged (${message})`
  return `has no valid entry (${message.replace(/\.$/, '')})`
}
