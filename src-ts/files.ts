/** Files that are written whole or not at all, and by one at a time. */
import { open, rename, rm, type FileHandle } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { ModelError, mismatch } from './errors.js'
import { FileLock, lift, writeFile } from './native/addon.js'

/**
 * Writes a file: aside first, flushed to the disk, then renamed over the old one, which a failure leaves as it was.
 *
 * @throws ModelError `WRITE_FAILED`
 */
export async function writeWhole(path: string, contents: string | Uint8Array): Promise<void> {
  lift(await writeFile(path, typeof contents === 'string' ? Buffer.from(contents) : contents))
}

/** Characters that are gathered for one call. */
const GATHERED = 2 ** 16

/** A file whose lines come one after the other: written aside, and put in the place of the old one once it is whole. */
export class LineFile {
  readonly #path: string
  readonly #aside: string
  readonly #file: FileHandle
  #waiting: string[] = []
  #length = 0

  private constructor(path: string, aside: string, file: FileHandle) {
    this.#path = path
    this.#aside = aside
    this.#file = file
  }

  /** @throws ModelError `WRITE_FAILED` */
  static async open(path: string): Promise<LineFile> {
    for (let number = 0; ; number++) {
      const aside = join(dirname(path), `.${basename(path)}.${process.pid}-${number}.writing`)
      const file = await open(aside, 'wx').catch((error: NodeJS.ErrnoException) => {
        // Left by a process that was killed and had the number that this one has.
        if (error.code !== 'EEXIST') throw failed(path, error)
      })
      if (file) return new LineFile(path, aside, file)
    }
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
    try {
      await this.#file.sync()
      await this.#file.close()
      await rename(this.#aside, this.#path)
    } catch (error) {
      throw failed(this.#path, error)
    }
  }

  /** Takes away what was written, unless it is in its place already. */
  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined)
    await rm(this.#aside, { force: true })
  }

  async #flush(): Promise<void> {
    const text = this.#waiting.join('')
    ;[this.#waiting, this.#length] = [[], 0]
    await this.#file.appendFile(text).catch((error: unknown) => {
      throw failed(this.#path, error)
    })
  }
}

function failed(path: string, error: unknown) {
  return mismatch(
    'WRITE_FAILED',
    path,
    'a file that can be written',
    error instanceof Error ? error.message : String(error),
  )
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
