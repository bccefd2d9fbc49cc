import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { asError, lift, NativeJpegSet } from '../native/addon.js'
import { checked, shown } from '../options.js'
import { listFolder, type JpegFolder, type SkippedFile } from './folder.js'
import type { JpegFiles, JpegImages } from './images.js'
import { inspection, type JpegInspection } from './inspect.js'

/** Where pictures come from. */
export type JpegSource = JpegFolder | JpegFiles | JpegImages

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
  set: NativeJpegSet
  classes: readonly string[]
  labels: readonly number[]
  files: readonly string[]
  skipped: readonly SkippedFile[]
}

/** Pictures with their classes, entropy-decoded once and kept sparse in native memory. */
export class Dataset {
  /** What errors call it: the folder, or the function that named its pictures. */
  readonly source: string
  /** Names of the classes; labels count in this order. */
  readonly classes: readonly string[]
  /** Each picture's class. */
  readonly labels: Uint32Array
  /** Each picture's file. */
  readonly files: readonly string[]
  /** Files left out, and why. */
  readonly skipped: readonly SkippedFile[]
  /** @internal */
  readonly set: NativeJpegSet

  /** @internal use {@link loadDataset} */
  constructor({ source, set, classes, labels, files, skipped }: DatasetContents) {
    this.source = source
    this.set = set
    this.classes = classes
    this.labels = Uint32Array.from(labels)
    this.files = files
    this.skipped = skipped
  }

  /** Pictures in it. */
  get length(): number {
    return this.labels.length
  }

  /** Bytes of native memory it takes. */
  get bytes(): number {
    return this.set.bytes
  }

  /**
   * Size, components, sampling, quantisation and sparsity of a picture.
   *
   * @throws ModelError `INVALID_OPTION` if there is no such picture, `DISPOSED`
   */
  describe(index: number): JpegInspection {
    return inspection(lift(this.set.describe(index)))
  }

  /** Frees its memory; any later use is an error. */
  dispose(): void {
    this.set.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/** Options of {@link loadDataset}. */
export interface LoadDatasetOptions {
  /** Told how far reading has come. */
  onProgress?: ((progress: DataEvent) => void) | undefined
  /** Ends reading between two calls with an `ABORTED` error. */
  signal?: AbortSignal | undefined
}

const loadOptionsSchema = z.strictObject({
  onProgress: z.custom<(progress: DataEvent) => void>(value => typeof value === 'function', 'a function').optional(),
  signal: z.instanceof(AbortSignal).optional(),
}) satisfies z.ZodType<LoadDatasetOptions>

/**
 * Reads and decodes all pictures of a source, to use them more than once. It is the caller's to dispose of.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_CLASSES`, `ABORTED`, or that of the first bad file
 */
export async function loadDataset(source: JpegSource, options: LoadDatasetOptions = {}): Promise<Dataset> {
  const { onProgress, signal } = checked(loadOptionsSchema, options, 'loadDataset')
  const reading = readDataset(source, signal)
  for (;;) {
    const { done, value } = await reading.next()
    if (done) return value
    onProgress?.(value)
  }
}

/** As {@link loadDataset}, telling its progress. */
export async function* readDataset(source: JpegSource, signal?: AbortSignal): AsyncGenerator<DataEvent, Dataset> {
  throwIfAborted(signal)
  const listing = await open(source)
  const { classes, labels, names, skipped, decode } = listing
  const set = new NativeJpegSet()
  let whole = false
  try {
    const kept: { files: string[]; labels: number[] } = { files: [], labels: [] }
    const bad: ModelError[] = []
    for (let start = 0; start < names.length; start += FILES_A_CALL) {
      throwIfAborted(signal)
      const end = Math.min(start + FILES_A_CALL, names.length)
      const report = lift(await decode(set, start, end))
      report.indices.forEach((index, position) => {
        if (index < 0) return
        kept.files.push(names[start + position] as string)
        kept.labels.push(labels[start + position] as number)
      })
      for (const { position, failure } of report.failures) {
        bad.push(asError(failure))
        skipped.push({ file: names[start + position] as string, reason: failure.message })
      }
      yield { type: 'data', done: end, total: names.length, skipped: skipped.length }
    }
    set.reportMemory()
    if (bad.length > 0 && source.onError === 'error') throw badFiles(bad)
    const present = new Set(kept.labels)
    const empty = classes.find((_, label) => !present.has(label))
    if (empty !== undefined || kept.labels.length === 0) {
      const where = empty === undefined ? listing.source : `${listing.source}, class ${empty}`
      const found = bad.length === 0 ? 'none' : `none that can be used (${badFiles(bad).message})`
      throw mismatch('NO_CLASSES', where, 'pictures', found)
    }
    whole = true
    return new Dataset({ source: listing.source, set, classes, ...kept, skipped })
  } finally {
    if (!whole) set.dispose()
  }
}

/** A source's files before they are decoded. */
interface Listing {
  source: string
  classes: string[]
  labels: number[]
  names: string[]
  skipped: SkippedFile[]
  decode: (set: NativeJpegSet, start: number, end: number) => ReturnType<NativeJpegSet['decodeFiles']>
}

async function open(source: JpegSource): Promise<Listing> {
  switch (checkedSource(source, 'data').type) {
    case 'folder': {
      const { directory } = source as JpegFolder
      const { classes, files, labels, skipped } = await listFolder(directory)
      return { source: directory, classes, labels, names: files, skipped, decode: fromFiles(files) }
    }
    case 'files': {
      const { files } = source as JpegFiles
      const names = files.map(({ file }) => file)
      return { source: 'jpegFiles', ...numbered(files), names, skipped: [], decode: fromFiles(names) }
    }
    case 'images': {
      const { images } = source as JpegImages
      const names = images.map(({ name }, index) => name ?? `image ${index}`)
      const decode: Listing['decode'] = (set, start, end) => {
        const jpegs = images.slice(start, end).map(({ jpeg }) => jpeg)
        return set.decodeBuffers(jpegs, names.slice(start, end))
      }
      return { source: 'jpegImages', ...numbered(images), names, skipped: [], decode }
    }
  }
}

function fromFiles(files: readonly string[]): Listing['decode'] {
  return (set, start, end) => set.decodeFiles(files.slice(start, end))
}

/** Classes in the order of their names, and each entry's number of its class. */
function numbered(entries: readonly { label: string }[]): { classes: string[]; labels: number[] } {
  const classes = [...new Set(entries.map(({ label }) => label))].sort((a, b) => (a < b ? -1 : 1))
  const numbers = new Map(classes.map((name, number) => [name, number]))
  return { classes, labels: entries.map(({ label }) => numbers.get(label) as number) }
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
