/** Files that are written whole or not at all, and by one at a time. */
import { hostname } from 'node:os'
import { ModelError } from './errors.js'
import { FileLock, lift, WholeFile, writeFile } from './native/addon.js'

/**
 * Writes a file: aside first, flushed to the disk, then renamed over the old one, which a failure leaves as it was. Links are followed,
 * permissions stay, and a JPEG file is replaced by none of another kind.
 *
 * @throws ModelError `WRITE_FAILED`
 */
export async function writeWhole(path: string, contents: string | Uint8Array): Promise<void> {
  lift(await writeFile(path, typeof contents === 'string' ? Buffer.from(contents) : contents))
}

/** Characters that are gathered for one call. */
const GATHERED = 2 ** 16

/** A file whose lines come one after the other, written as by {@link writeWhole}. */
export class LineFile {
  readonly #file: WholeFile
  #waiting: string[] = []
  #length = 0

  private constructor(file: WholeFile) {
    this.#file = file
  }

  /** @throws ModelError `WRITE_FAILED` */
  static open(path: string): LineFile {
    return new LineFile(lift(WholeFile.create(path)))
  }

  /** @throws ModelError `WRITE_FAILED` */
  async write(line: string): Promise<void> {
    this.#waiting.push(`${line}\n`)
    this.#length += line.length
    if (this.#length >= GATHERED) await this.#flush()
  }

  /**
   * Puts it in its place.
   *
   * @throws ModelError `WRITE_FAILED`; the old file is as it was then
   */
  async finish(): Promise<void> {
    await this.#flush()
    lift(await this.#file.finish())
  }

  /** Takes away what was written, unless it is in its place already. */
  discard(): void {
    this.#file.discard()
  }

  async #flush(): Promise<void> {
    const text = this.#waiting.join('')
    ;[this.#waiting, this.#length] = [[], 0]
    lift(await this.#file.append(Buffer.from(text)))
  }
}

/** Locks of this process, which `process.exit` would leave as files. */
const held = new Set<FileLock>()

/**
 * Takes the right to write a file, which one training or experiment at a time has, in whatever process. The system takes it back from
 * a process that ends in any way.
 *
 * @returns what gives it back
 * @throws ModelError `BUSY` saying who has it; `WRITE_FAILED` if nothing can be written beside the file
 */
export function lockFile(path: string): () => void {
  const since = new Date().toISOString().replace('T', ' ').slice(0, 19)
  const lock = lift(FileLock.take(path, `process ${process.pid} of ${hostname()}, since ${since} UTC,`))
  if (held.size === 0) process.on('exit', releaseAll)
  held.add(lock)
  return () => {
    lock.release()
    held.delete(lock)
    if (held.size === 0) process.off('exit', releaseAll)
  }
}

function releaseAll(): void {
  held.forEach(lock => lock.release())
}

/** Whether another has the right to write a file. */
export function isLocked(path: string): boolean {
  try {
    lockFile(path)()
    return false
  } catch (error) {
    if (error instanceof ModelError && error.code === 'BUSY') return true
    throw error
  }
}
