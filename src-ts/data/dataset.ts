import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { asError, lift, NativePackedSet, type NativeJpegSet } from '../native/addon.js'
import { checked, shown } from '../options.js'
import type { SkippedFile } from './folder.js'
import { inspection, type JpegInspection } from './inspect.js'
import { decode, list, type JpegSource } from './listing.js'
import { bytesOf, memorySchema, type MemorySize } from './memory.js'
import { reading, type WarnedFile } from './reading.js'

/** How far reading a data set has come. */
export interface DataEvent {
  type: 'data'
  /** Files read so far. */
  done: number
  /** Files there are. */
  total: number
  /** Files left out so far. */
  skipped: number
}

/** How many files one call decodes: few enough that progress shows and an abort is quick. */
const FILES_A_CALL = 512

/** How many files an error names. */
const NAMED = 3

/** What a {@link Dataset} is made of. */
interface DatasetContents {
  source: string
  set: NativePackedSet
  classes: readonly string[]
  labels: readonly number[]
  skipped: readonly SkippedFile[]
  warned: readonly WarnedFile[]
  /** The files themselves, if they are in memory and not all of what they gave is. */
  jpegs: readonly Uint8Array[] | undefined
}

/**
 * Pictures with their classes, entropy-decoded once and kept packed in native memory. Of one with a limit of memory,
 * pictures not used for long are decoded again from their files when they are needed; it never changes for that.
 */
export class Dataset {
  /** What errors call it: the folder, or the function that named its pictures. */
  readonly source: string
  /** Names of the classes; labels count in this order. */
  readonly classes: readonly string[]
  /** Each picture's class. */
  readonly labels: Uint32Array
  /** Files left out, and why. */
  readonly skipped: readonly SkippedFile[]
  /** Files used in spite of doubts, and the doubts; none unless the source's `onError` is `use`. */
  readonly warned: readonly WarnedFile[]
  readonly #set: NativePackedSet
  readonly #jpegs: readonly Uint8Array[] | undefined
  #files: readonly string[] | undefined

  /** @internal use {@link loadDataset} */
  constructor({ source, set, classes, labels, skipped, warned, jpegs }: DatasetContents) {
    this.source = source
    this.#set = set
    this.classes = classes
    this.labels = Uint32Array.from(labels)
    this.skipped = skipped
    this.warned = warned
    this.#jpegs = jpegs
  }

  /**
   * Each picture's file. Names take less memory until this list is first asked for.
   *
   * @throws ModelError `DISPOSED`
   */
  get files(): readonly string[] {
    return (this.#files ??= lift(this.#set.names()))
  }

  /** Pictures in it. */
  get length(): number {
    return this.labels.length
  }

  /** Bytes of native memory it takes: packed pictures and what is known of all; never more than the limit it was given. */
  get bytes(): number {
    return this.#set.bytes
  }

  /** Pictures that are in memory; the others are read again when they are needed. */
  get inMemory(): number {
    return this.#set.length - this.#set.givenUp
  }

  /**
   * Size, components, sampling, quantisation and sparsity of a picture.
   *
   * @throws ModelError `INVALID_OPTION` if there is no such picture; `DISPOSED`; why its file could not be read again
   */
  async describe(index: number): Promise<JpegInspection> {
    const picture = await this.batch(Uint32Array.of(index))
    try {
      return inspection(lift(picture.describe(0)))
    } finally {
      picture.dispose()
    }
  }

  /**
   * @internal The pictures of these numbers as a network reads them; the caller's to dispose of.
   *
   * @throws ModelError `INVALID_OPTION` if there is no such picture or the limit of memory is too small for so many;
   * `FILE_NOT_FOUND`, `FILE_UNREADABLE` or `FILE_CHANGED` if one must be read again and is not what it was; `DISPOSED`
   */
  async batch(indices: Uint32Array): Promise<NativeJpegSet> {
    const jpegs = this.#jpegs ? Array.from(indices, index => this.#jpegs?.[index] ?? new Uint8Array()) : []
    return lift(await this.#set.batch(indices, jpegs))
  }

  /** @internal @throws ModelError `INVALID_OPTION` if the limit of memory is too small for a batch of so many */
  checkBatch(pictures: number): void {
    lift(this.#set.checkBatch(pictures))
  }

  /** Frees its memory; any later use is an error. */
  dispose(): void {
    this.#set.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Options of {@link loadDataset}. */
export interface LoadDatasetOptions {
  /**
   * Most memory it may take; any unless given. Pictures that do not fit are decoded again from their files, or from the bytes
   * that {@link jpegImages} was given, whenever they are needed. Results are the same.
   */
  memory?: MemorySize | undefined
  /** Told how far reading has come. */
  onProgress?: ((progress: DataEvent) => void) | undefined
  /** Ends reading between two calls with an `ABORTED` error. */
  signal?: AbortSignal | undefined
}

const loadOptionsSchema = z.strictObject({
  memory: memorySchema.optional(),
  onProgress: z.custom<(progress: DataEvent) => void>(value => typeof value === 'function', 'a function').optional(),
  signal: z.instanceof(AbortSignal).optional(),
}) satisfies z.ZodType<LoadDatasetOptions>

/**
 * Reads and decodes all pictures of a source, to use them more than once. It is the caller's to dispose of.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_CLASSES`, `ABORTED`, `INVALID_OPTION` if the
 * limit of memory is too small for what must be known of all pictures, or that of the first bad file
 */
export async function loadDataset(source: JpegSource, options: LoadDatasetOptions = {}): Promise<Dataset> {
  const { onProgress, ...rest } = checked(loadOptionsSchema, options, 'loadDataset')
  const reading = readDataset(source, rest)
  for (;;) {
    const { done, value } = await reading.next()
    if (done) return value
    onProgress?.(value)
  }
}

/** As {@link loadDataset}, telling its progress. */
export async function* readDataset(
  source: JpegSource,
  { signal, memory }: Omit<LoadDatasetOptions, 'onProgress'> = {},
): AsyncGenerator<DataEvent, Dataset> {
  throwIfAborted(signal)
  const listing = await list(checkedSource(source, 'data'))
  const { classes, labels, names, skipped } = listing
  const set = new NativePackedSet(bytesOf(memory), reading(source))
  let whole = false
  try {
    const kept: { labels: number[]; jpegs: Uint8Array[] } = { labels: [], jpegs: [] }
    const bad: ModelError[] = []
    const warned: WarnedFile[] = []
    for (let start = 0; start < names.length; start += FILES_A_CALL) {
      throwIfAborted(signal)
      const end = Math.min(start + FILES_A_CALL, names.length)
      const report = lift(await decode(listing, set, start, end))
      report.indices.forEach((index, position) => {
        if (index < 0) return
        kept.labels.push(labels[start + position] as number)
        if (listing.jpegs) kept.jpegs.push(listing.jpegs[start + position] as Uint8Array)
      })
      for (const { position, failure } of report.failures) {
        bad.push(asError(failure))
        skipped.push({ file: names[start + position] as string, reason: failure.message })
      }
      for (const { position, warnings } of report.warned) {
        warned.push({ file: names[start + position] as string, warnings })
      }
      yield { type: 'data', done: end, total: names.length, skipped: skipped.length }
    }
    lift(set.finish())
    if (bad.length > 0 && source.onError !== 'skip') throw badFiles(bad)
    const present = new Set(kept.labels)
    const empty = classes.find((_, label) => !present.has(label))
    if (empty !== undefined || kept.labels.length === 0) {
      const where = empty === undefined ? listing.source : `${listing.source}, class ${empty}`
      const found = bad.length === 0 ? 'none' : `none that can be used (${badFiles(bad).message})`
      throw mismatch('NO_CLASSES', where, 'pictures', found)
    }
    whole = true
    const jpegs = listing.jpegs && set.givenUp > 0 ? kept.jpegs : undefined
    return new Dataset({ source: listing.source, set, classes, labels: kept.labels, skipped, warned, jpegs })
  } finally {
    if (!whole) set.dispose()
  }
}

/** @throws ModelError `INVALID_OPTION` if a value is neither a source nor a data set */
export function checkedSource<T extends JpegSource | Dataset>(value: T, where: string): T {
  if (value instanceof Dataset || isSource(value)) return value
  const expected = 'what jpegFolder, jpegFiles, jpegImages or loadDataset gives'
  throw mismatch('INVALID_OPTION', where, expected, shown(value))
}

function isSource(value: unknown): boolean {
  const types: unknown[] = ['folder', 'files', 'images'] satisfies JpegSource['type'][]
  return typeof value === 'object' && value !== null && 'type' in value && types.includes(value.type)
}

/** @throws ModelError `INVALID_OPTION` if a limit of memory is given and none of the data is yet to be read */
export function checkMemory(memory: unknown, data: readonly unknown[], where: string): void {
  if (memory === undefined || data.some(isSource)) return
  throw mismatch('INVALID_OPTION', `${where}.memory`, 'data that is yet to be read', 'data sets in memory')
}

/** One error for all bad files: the first one's code and path, a count, and the first few by name. */
export function badFiles(bad: readonly ModelError[]): ModelError {
  const [first] = bad as [ModelError]
  if (bad.length === 1) return first
  const named = bad.slice(0, NAMED).map(({ message }) => message)
  const more = bad.length > NAMED ? [`and ${bad.length - NAMED} more`] : []
  return new ModelError(first.code, `${bad.length} files cannot be used: ${[...named, ...more].join('; ')}`, {
    path: first.path,
    expected: first.expected,
    found: first.found,
  })
}

/** @throws ModelError `ABORTED` if the signal says so */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new ModelError('ABORTED', 'the call was aborted by its signal', { cause: signal.reason })
}
