import { ModelError, mismatch } from '../errors.js'
import { asError, lift, NativeJpegSet } from '../native/addon.js'
import { listFolder, type JpegFolder, type OnBadFile, type SkippedFile } from './folder.js'
import type { JpegImages } from './images.js'

/** Where pictures come from. */
export type JpegSource = JpegFolder | JpegImages

/** How far reading a data set has come. */
export interface DataEvent {
  type: 'data'
  /** Files read so far. */
  done: number
  /** Files there are. */
  total: number
}

/** How many files one call decodes: few enough that progress shows and an abort is quick. */
const FILES_A_CALL = 512

/** How many files an error or warning names. */
const NAMED = 3

/** Pictures with their classes, entropy-decoded once and kept sparse in native memory. */
export class Dataset {
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

  /** @internal */
  constructor(set: NativeJpegSet, classes: string[], labels: number[], files: string[], skipped: SkippedFile[]) {
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

  /** What is known of a picture without its coefficients. */
  describe(index: number) {
    return lift(this.set.describe(index))
  }

  /** Frees its memory. */
  dispose(): void {
    this.set.dispose()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }
}

/**
 * Reads and decodes all pictures of a source.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `NO_CLASSES`, `ABORTED`, or that of the first bad file
 */
export async function loadDataset(source: JpegSource, options: { signal?: AbortSignal } = {}): Promise<Dataset> {
  const reading = readDataset(source, options.signal)
  for (;;) {
    const { done, value } = await reading.next()
    if (done) return value
  }
}

/** As {@link loadDataset}, telling its progress. */
export async function* readDataset(source: JpegSource, signal?: AbortSignal): AsyncGenerator<DataEvent, Dataset> {
  const { classes, labels, names, skipped, onError, decode } = await open(source)
  const set = new NativeJpegSet()
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
    yield { type: 'data', done: end, total: names.length }
  }
  set.reportMemory()
  if (bad.length > 0 && onError === 'error') throw badFiles(bad)
  if (kept.labels.length === 0) {
    const where = source.type === 'folder' ? source.directory : 'jpegImages'
    throw mismatch(
      'NO_CLASSES',
      where,
      'pictures',
      bad.length === 0 ? 'none' : `${bad.length} bad files and no good one`,
    )
  }
  return new Dataset(set, classes, kept.labels, kept.files, skipped)
}

interface OpenSource {
  classes: string[]
  labels: number[]
  names: string[]
  skipped: SkippedFile[]
  onError: OnBadFile
  decode: (set: NativeJpegSet, start: number, end: number) => ReturnType<NativeJpegSet['decodeFiles']>
}

async function open(source: JpegSource): Promise<OpenSource> {
  if (source.type === 'folder') {
    const { classes, files, labels, skipped } = await listFolder(source.directory)
    const decode: OpenSource['decode'] = (set, start, end) => set.decodeFiles(files.slice(start, end))
    return { classes, labels, names: files, skipped, onError: source.onError, decode }
  }
  const { images } = source
  const classes = [...new Set(images.map(({ label }) => label))].sort((a, b) => (a < b ? -1 : 1))
  const numbers = new Map(classes.map((name, number) => [name, number]))
  const names = images.map(({ name }, index) => name ?? `image ${index}`)
  const decode: OpenSource['decode'] = (set, start, end) =>
    set.decodeBuffers(
      images.slice(start, end).map(({ jpeg }) => jpeg),
      names.slice(start, end),
    )
  const labels = images.map(({ label }) => numbers.get(label) as number)
  return { classes, labels, names, skipped: [], onError: 'error', decode }
}

/** One error for all bad files: the first one's code and path, a count, and the first few by name. */
function badFiles(bad: ModelError[]): ModelError {
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
