import { ModelError, type ModelErrorCode } from '../errors.js'
import type { BindingView, NativeJpegSet } from '../native/addon.js'
import { badFiles, type Dataset } from './dataset.js'
import type { SkippedFile } from './folder.js'

/** Some images of a data set, as a network reads them. */
export interface Batch {
  /** Their numbers in the data set. */
  indices: Uint32Array
  /** The images, numbered from 0; freed when the next batch is asked for. */
  pictures: NativeJpegSet
  /** Files that had to be read again and were not what they had been; none unless bad files are skipped. */
  lost: readonly SkippedFile[]
  /** How many images have been come to since the batch before: these and the lost ones. */
  asked: number
}

/** What batches are cut from. */
type Cuttable = Pick<Dataset, 'batch'> & Partial<Pick<Dataset, 'onError'>>

/**
 * Batches of a data set, cut so: their images, or views of them by what `view` says, which is told how many came before. Each is cut, or read again, while the one before is in use; what
 * keeps one from being made is thrown when it is its turn. Whoever stops early leaves nothing running and nothing in memory.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_CHANGED`, if bad files are skipped only where all are so;
 * `INVALID_OPTION` if the data set's memory is too small for a batch; `DISPOSED`
 */
export async function* batches(
  dataset: Cuttable,
  cuts: Iterable<Uint32Array>,
  view?: (start: number) => BindingView,
): AsyncGenerator<Batch, void> {
  const rest = cuts[Symbol.iterator]()
  let start = 0
  const begin = () => {
    const { done, value: indices } = rest.next()
    if (done) return undefined
    const batch = cutFrom(dataset, indices, view?.(start))
    start += indices.length
    // Thrown when it is awaited; until then it is nobody's.
    batch.catch(() => undefined)
    return batch
  }
  let next = begin()
  let before: { lost: SkippedFile[]; asked: number } = { lost: [], asked: 0 }
  let failures: readonly ModelError[] = []
  let [given, bad] = [false, false]
  try {
    while (next) {
      const { indices, asked, pictures, errors } = await next
      next = begin()
      const lost = [...before.lost, ...errors.map(({ path = '', message }) => ({ file: path, reason: message }))]
      if (!pictures) {
        // Told with the next batch that there is.
        before = { lost, asked: before.asked + asked }
        failures = [...failures, ...errors]
        bad = true
        continue
      }
      try {
        given = true
        yield { indices, pictures, lost, asked: before.asked + asked }
        before = { lost: [], asked: 0 }
      } finally {
        pictures.dispose()
      }
    }
    if (bad && !given) throw badFiles(failures)
  } finally {
    await next?.then(
      ({ pictures }) => pictures?.dispose(),
      () => undefined,
    )
  }
}

/** Errors of a file that was good when it was read first. */
const OF_FILES: readonly ModelErrorCode[] = ['FILE_NOT_FOUND', 'FILE_UNREADABLE', 'FILE_CHANGED']

/** A batch that may lack some of the images it was to have, or all. */
interface Cut {
  indices: Uint32Array
  asked: number
  pictures: NativeJpegSet | undefined
  errors: readonly ModelError[]
}

async function cutFrom(dataset: Cuttable, indices: Uint32Array, view: BindingView | undefined): Promise<Cut> {
  const asked = indices.length
  try {
    return { indices, asked, pictures: await dataset.batch(indices, view), errors: [] }
  } catch (error) {
    if (dataset.onError !== 'skip' || !isOfFile(error)) throw error
  }
  const [kept, errors]: [number[], ModelError[]] = [[], []]
  for (const index of indices) {
    try {
      const picture = await dataset.batch(Uint32Array.of(index), view)
      picture.dispose()
      kept.push(index)
    } catch (error) {
      if (!isOfFile(error)) throw error
      errors.push(error)
    }
  }
  const left = Uint32Array.from(kept)
  return { indices: left, asked, pictures: kept.length > 0 ? await dataset.batch(left, view) : undefined, errors }
}

function isOfFile(error: unknown): error is ModelError {
  return error instanceof ModelError && OF_FILES.includes(error.code)
}

/** Numbers in the order given, so many at a time. */
export function* cut(order: Uint32Array, batchSize: number, from = 0): Generator<Uint32Array, void> {
  for (let start = from; start < order.length; start += batchSize) yield order.subarray(start, start + batchSize)
}
