import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { asError, lift, NativePackedSet, type BindingView, type NativeJpegSet } from '../native/addon.js'
import { aFunction, abortSignal, checked, checkedObject, shown } from '../options.js'
import { frozen } from '../layers/freeze.js'
import { lifted, type JpegCoefficients } from './coefficients.js'
import { balanceOf, type ClassBalance } from './balance.js'
import type { SkippedFile } from './folder.js'
import { inspection, type JpegInspection } from './inspect.js'
import { ahead, throwIfAborted } from './iteration.js'
import { partOf } from './layout.js'
import { classesInOrder, decode, list, type JpegSource, type Listing } from './listing.js'
import { bytesOf, memorySchema, type MemorySize } from './memory.js'
import { SharedPictures } from './pictures.js'
import { reading, type OnBadFile, type WarnedFile } from './reading.js'
import { splitNumbers, splitOptionsSchema, type SplitOptions } from './split.js'
import { surveyOf, type DatasetSurvey } from './survey.js'

/** Progress of reading a data set. */
export interface DataEvent {
  type: 'data'
  /** Files read so far. */
  done: number
  /** Number of files; `undefined` for a stream. */
  total: number | undefined
  /** Files left out so far. */
  skipped: number
}

/** How many files an error names. */
const NAMED = 3

/** What a {@link Dataset} is made of. */
interface DatasetContents {
  source: string
  pictures: SharedPictures
  classes: readonly string[]
  labels: Uint32Array
  skipped: readonly SkippedFile[]
  warned: readonly WarnedFile[]
  onError: OnBadFile
  /** Of a part, the numbers of its images among all. */
  numbers?: Uint32Array
}

/**
 * Images with their classes, entropy-decoded once and packed in native memory. With a memory limit, images that do not fit are read from
 * their files again when they are needed.
 */
export class Dataset {
  /** What errors call it: the folder, or the function that named its images. */
  readonly source: string
  /** Names of the classes; labels count in this order. */
  readonly classes: readonly string[]
  /** Each image's class. */
  readonly labels: Uint32Array
  /** Files left out, and why; none of a part, whose whole tells them. */
  readonly skipped: readonly SkippedFile[]
  /** Damaged files that were used, with libjpeg's warnings; none unless the source's `onError` is `use`. */
  readonly warned: readonly WarnedFile[]
  /** What happens to files that turn out bad only when they are used, too: its source's. */
  readonly onError: OnBadFile
  readonly #numbers: Uint32Array | undefined
  #shared: SharedPictures | undefined
  #files: readonly string[] | undefined
  #balance: ClassBalance | undefined

  private constructor({ source, pictures, classes, labels, skipped, warned, onError, numbers }: DatasetContents) {
    this.source = source
    this.#shared = pictures.retain()
    this.classes = classes
    this.labels = labels
    this.skipped = skipped
    this.warned = warned
    this.onError = onError
    this.#numbers = numbers
  }

  /** @internal What {@link loadDataset} gives. */
  static of(contents: DatasetContents): Dataset {
    return new Dataset(contents)
  }

  get #pictures(): SharedPictures {
    if (this.#shared) return this.#shared
    throw mismatch('DISPOSED', 'Dataset', 'one in use', 'one that was disposed of')
  }

  /**
   * Each image's file. Names take less memory until this list is first asked for.
   *
   * @throws ModelError `DISPOSED`
   */
  get files(): readonly string[] {
    const pictures = this.#pictures
    return (this.#files ??= this.#names(pictures))
  }

  #names(pictures: SharedPictures): readonly string[] {
    const names = pictures.names()
    return this.#numbers ? Array.from(this.#numbers, number => names[number] as string) : names
  }

  /** @internal The files of a few images, without keeping the names of all in memory. */
  filesOf(indices: readonly number[]): string[] {
    const files = indices.length === 0 ? [] : (this.#files ?? this.#names(this.#pictures))
    return indices.map(index => files[index] as string)
  }

  /** Images in it. */
  get length(): number {
    return this.labels.length
  }

  /**
   * Bytes of native memory it takes: packed images and what is known of all; never more than the limit it was given. A
   * data set and its parts share them, and each tells all.
   */
  get bytes(): number {
    return this.#shared?.set.bytes ?? 0
  }

  /** Images that are in memory; the others are read again when they are needed. */
  get inMemory(): number {
    const set = this.#shared?.set
    if (!set) return 0
    return this.#numbers ? set.inMemory(this.#numbers) : set.length - set.givenUp
  }

  /** How many images each class has. */
  get balance(): ClassBalance {
    return (this.#balance ??= frozen(balanceOf(this.classes, this.labels)))
  }

  /**
   * Two parts that share this data set's images and have none in common: each class is split as asked. The same images of the same names
   * are chosen for the same seed, in whatever order they were listed. Each part must be disposed of by the caller, as this data set still
   * is; memory is freed with the last of them.
   *
   * @throws ModelError `INVALID_OPTION` if the share is not above 0 and below 1; `NO_CLASSES` if no class has two images; `DISPOSED`
   */
  split(options: SplitOptions): { train: Dataset; test: Dataset } {
    const { source, labels } = this
    const files = this.#files ?? this.#names(this.#pictures)
    const { train, test } = splitNumbers({ source, files, labels }, checked(splitOptionsSchema, options, 'split'))
    return { train: this.#part(train), test: this.#part(test) }
  }

  /**
   * A part that has the images of these numbers, in this order; one given twice is in it twice. It shares this data set's memory, and must
   * be disposed of by the caller.
   *
   * @throws ModelError `INVALID_OPTION` if there is no image of a number, or no number; `DISPOSED`
   */
  subset(indices: Iterable<number>): Dataset {
    const numbers = Array.from<number>(checkedObject(indices, 'subset.indices', 'numbers'))
    if (numbers.length === 0) throw mismatch('INVALID_OPTION', 'subset.indices', 'at least one number', 'none')
    const wrong = numbers.find(number => !(Number.isInteger(number) && number >= 0 && number < this.length))
    if (wrong !== undefined) {
      throw mismatch('INVALID_OPTION', 'subset.indices', `whole numbers below ${this.length}`, shown(wrong))
    }
    return this.#part(numbers)
  }

  #part(indices: readonly number[], { skipped = [], warned = [] }: Partial<Pick<Dataset, 'skipped' | 'warned'>> = {}) {
    const { source, classes, onError } = this
    const numbers = this.#allNumbers(Uint32Array.from(indices))
    const labels = Uint32Array.from(indices, index => this.labels[index] as number)
    return new Dataset({ source, pictures: this.#pictures, classes, labels, skipped, warned, onError, numbers })
  }

  /**
   * @internal The images that a view can be made of: all, which is this data set itself; or, if bad files are skipped, a part without the
   * others, which are named with those skipped before. It must be disposed of by the caller.
   *
   * @throws ModelError `SIZE_MISMATCH` naming images that are too small or too large for a transform, unless they are skipped
   */
  fitting(view: BindingView): Dataset {
    const all = Uint32Array.from({ length: this.length }, (_, index) => index)
    const misfits = lift(this.#pictures.set.misfits(this.#allNumbers(all), view))
    if (misfits.length === 0) return this
    const errors = misfits.map(({ failure }) => asError(failure))
    if (this.onError !== 'skip' || misfits.length === this.length) throw badFiles(errors)
    const left = new Set(misfits.map(({ position }) => position))
    const skipped = errors.map(({ path = '', message }) => ({ file: path, reason: message }))
    return this.#part(
      [...all].filter(index => !left.has(index)),
      { skipped: [...this.skipped, ...skipped], warned: this.warned },
    )
  }

  /**
   * Sizes and colours of all images, counted. It takes what is known of them: no image is read or unpacked.
   *
   * @throws ModelError `DISPOSED`
   */
  survey(): DatasetSurvey {
    const all = Uint32Array.from({ length: this.length }, (_, index) => index)
    return surveyOf(this, this.#pictures.set.kinds(this.#allNumbers(all)))
  }

  /** @internal Images of another size in pixels. */
  ofOtherSize({ width, height }: { width: number; height: number }): number {
    const all = Uint32Array.from({ length: this.length }, (_, index) => index)
    return this.#pictures.set.ofOtherSize(this.#allNumbers(all), width, height)
  }

  /**
   * Size, components, sampling, quantisation and sparsity of an image.
   *
   * @throws ModelError `INVALID_OPTION` if there is no such image; `DISPOSED`; why its file could not be read again
   */
  async describe(index: number): Promise<JpegInspection> {
    const wrong = !(Number.isInteger(index) && index >= 0 && index < this.length)
    if (wrong) throw mismatch('INVALID_OPTION', 'describe.index', `a whole number below ${this.length}`, shown(index))
    const picture = await this.batch(Uint32Array.of(index))
    try {
      return inspection(lift(picture.describe(0)))
    } finally {
      picture.dispose()
    }
  }

  /**
   * All quantised coefficients of an image, as {@link jpegCoefficients} gives those of a file.
   *
   * @throws ModelError as {@link describe}
   */
  async coefficients(index: number): Promise<JpegCoefficients> {
    const picture = await this.batch(Uint32Array.of(index))
    try {
      return lifted(lift(await picture.coefficients(0)))
    } finally {
      picture.dispose()
    }
  }

  /**
   * @internal The images of these numbers, or views of them; to be disposed of by the caller.
   *
   * @throws ModelError `INVALID_OPTION` if there is no such image or the memory limit is too small for so many; `FILE_NOT_FOUND`,
   * `FILE_UNREADABLE` or `FILE_CHANGED` if one must be read again and is not what it was; `SIZE_MISMATCH` if one is too small or too large
   * for a transform; `DISPOSED`
   */
  async batch(indices: Uint32Array, view?: BindingView): Promise<NativeJpegSet> {
    return this.#pictures.batch(this.#allNumbers(indices), view)
  }

  /** The numbers among all images of these among its own. */
  #allNumbers(indices: Uint32Array): Uint32Array {
    const wrong = indices.find(index => index >= this.length)
    if (wrong !== undefined) throw mismatch('INVALID_OPTION', 'index', `a number below ${this.length}`, `${wrong}`)
    const numbers = this.#numbers
    return numbers ? indices.map(index => numbers[index] as number) : indices
  }

  /** @internal @throws ModelError `INVALID_OPTION` if the memory limit is too small for a batch of so many */
  checkBatch(pictures: number): void {
    lift(this.#pictures.set.checkBatch(Math.min(pictures, this.length)))
  }

  /** Frees its memory, unless parts of it or what it is a part of still use it; any later use of it is an error. */
  dispose(): void {
    this.#shared?.release()
    this.#shared = undefined
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Options of {@link loadDataset}. */
export interface LoadDatasetOptions {
  /**
   * Most memory it may take; any by default. Images that do not fit are decoded again from their files, or from the bytes that {@link
   * jpegImages} was given, whenever they are needed. Results are the same. A stream or an archive cannot be read again: all of its images
   * must fit.
   */
  memory?: MemorySize | undefined
  /** Called with the progress of reading. */
  onProgress?: ((progress: DataEvent) => void) | undefined
  /** Ends reading between two batches with an `ABORTED` error. */
  signal?: AbortSignal | undefined
}

const loadOptionsSchema = z.strictObject({
  memory: memorySchema.optional(),
  onProgress: aFunction<(progress: DataEvent) => void>().optional(),
  signal: abortSignal.optional(),
}) satisfies z.ZodType<LoadDatasetOptions>

/**
 * Reads and entropy-decodes all images of a source. Dispose of the data set when it is no longer needed.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_CLASSES`, `ABORTED`, `INVALID_OPTION` if the memory limit is too small for
 * what must be known of all images or for a stream, or that of the first bad file; errors of a stream as they are
 */
export async function loadDataset(source: JpegSource, options: LoadDatasetOptions = {}): Promise<Dataset> {
  const { onProgress, ...rest } = checked(loadOptionsSchema, options, 'loadDataset')
  const reading = readDataset(source, rest)
  try {
    for (;;) {
      const { done, value } = await reading.next()
      if (done) return value
      onProgress?.(value)
    }
  } finally {
    // Ends the reading if the listener threw.
    await reading.return(undefined as never)
  }
}

/** As {@link loadDataset}, telling its progress. */
export async function* readDataset(
  source: JpegSource,
  { signal, memory }: Omit<LoadDatasetOptions, 'onProgress'> = {},
): AsyncGenerator<DataEvent, Dataset> {
  throwIfAborted(signal)
  const listing = await list(checkedSource(source, 'data'))
  const { total } = listing
  const set = new NativePackedSet(bytesOf(memory), reading(source))
  let whole = false
  try {
    const classes = new Set<string>()
    const kept: { labels: string[]; jpegs: Uint8Array[] } = { labels: [], jpegs: [] }
    const skipped: SkippedFile[] = []
    const bad: ModelError[] = []
    const warned: WarnedFile[] = []
    let done = 0
    for await (const chunk of ahead(listing.chunks, signal)) {
      const { names, labels, jpegs } = chunk
      const report = lift(await decode(chunk, set))
      labels.forEach(label => classes.add(label))
      report.indices.forEach((index, position) => {
        if (index < 0) return
        kept.labels.push(labels[position] as string)
        if (jpegs && listing.again === 'bytes') kept.jpegs.push(jpegs[position] as Uint8Array)
      })
      const cannotBeUsed = (file: string, error: ModelError) => {
        bad.push(error)
        skipped.push({ file, reason: error.message })
      }
      chunk.bad?.forEach(error => cannotBeUsed(error.path ?? '', error))
      report.failures.forEach(({ position, failure }) => cannotBeUsed(names[position] as string, asError(failure)))
      report.warned.forEach(({ position, warnings }) => warned.push({ file: names[position] as string, warnings }))
      chunk.skipped?.forEach(file => skipped.push(file))
      if (listing.again === 'nowhere' && set.givenUp > 0) throw doesNotFit(listing.source, set, memory)
      done += names.length + (chunk.bad?.length ?? 0)
      yield { type: 'data', done, total, skipped: skipped.length }
    }
    lift(set.finish())
    if (bad.length > 0 && source.onError !== 'skip') throw badFiles(bad)
    const present = new Set(kept.labels)
    const lost = [...classes].filter(name => !present.has(name))
    if (source.onError === 'skip') lost.forEach(name => skipped.push(lostClass(listing.source, name)))
    const empty = source.onError === 'skip' ? undefined : lost[0]
    if (empty !== undefined || kept.labels.length === 0) {
      const where = empty === undefined ? listing.source : `${listing.source}, class ${empty}`
      const found = bad.length === 0 ? 'none' : `none that can be used (${badFiles(bad).message})`
      throw mismatch('NO_CLASSES', where, 'images', found)
    }
    if (listing.order === 'codes') mustBeClasses(present, listing.source)
    whole = true
    const pictures = new SharedPictures(set, set.givenUp > 0 && listing.again === 'bytes' ? kept.jpegs : undefined)
    const { onError } = source
    const labelled = numbered(kept.labels, listing.order)
    return Dataset.of({ source: listing.source, pictures, ...labelled, skipped, warned, onError })
  } finally {
    if (!whole) set.dispose()
  }
}

/** @throws ModelError `NO_CLASSES` if folders that were taken for classes have the names of parts, all of them */
function mustBeClasses(names: ReadonlySet<string>, source: string): void {
  if (names.size < 2 || ![...names].every(partOf)) return
  const found = `${[...names].join(' and ')}, which are parts of a data set; a list of paths and classes tells others`
  throw mismatch('NO_CLASSES', source, 'a folder for each class', found)
}

/** What is said of a class all of whose images were skipped. */
function lostClass(source: string, name: string): SkippedFile {
  return { file: `${source}, class ${name}`, reason: 'no class, because none of its images can be used' }
}

/** Classes, and each image's number of its class. */
function numbered(names: readonly string[], order: Listing['order']) {
  const classes = classesInOrder(new Set(names), order)
  const numbers = new Map(classes.map((name, number) => [name, number]))
  return { classes, labels: Uint32Array.from(names, name => numbers.get(name) as number) }
}

function doesNotFit(source: string, set: NativePackedSet, memory: MemorySize | undefined): ModelError {
  const expected = `room for all images of ${source}, which cannot be read again`
  return mismatch('INVALID_OPTION', 'memory', expected, `${bytesOf(memory)} bytes, which ${set.length} of them exceed`)
}

/** @throws ModelError `INVALID_OPTION` if a value is no data set */
export function checkedDataset(value: Dataset, where: string): Dataset {
  if (value instanceof Dataset) return value
  throw mismatch('INVALID_OPTION', where, 'what loadDataset gives', shown(value))
}

/** @throws ModelError `INVALID_OPTION` if a value is neither a source nor a data set */
export function checkedSource<T extends JpegSource | Dataset>(value: T, where: string): T {
  if (value instanceof Dataset || isSource(value)) return value
  const expected = 'what jpegFolder, jpegFiles, jpegImages, jpegList, jpegStream, jpegTar or loadDataset gives'
  throw mismatch('INVALID_OPTION', where, expected, shown(value))
}

function isSource(value: unknown): boolean {
  const types: unknown[] = ['folder', 'files', 'images', 'list', 'stream', 'tar'] satisfies JpegSource['type'][]
  return typeof value === 'object' && value !== null && 'type' in value && types.includes(value.type)
}

/** @throws ModelError `INVALID_OPTION` if a memory limit is given and none of the data is yet to be read */
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
