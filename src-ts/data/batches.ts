import type { BindingView, NativeJpegSet } from '../native/addon.js'
import type { Dataset } from './dataset.js'

/** Some pictures of a data set, as a network reads them. */
export interface Batch {
  /** Their numbers in the data set. */
  indices: Uint32Array
  /** The pictures, numbered from 0; freed when the next batch is asked for. */
  pictures: NativeJpegSet
}

/**
 * Batches of a data set, cut so: their pictures, or views of them by what `view` says, which is told how many came before. Each is cut, or read again, while the one before is in use; what
 * keeps one from being made is thrown when it is its turn. Whoever stops early leaves nothing running and nothing in memory.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `FILE_CHANGED`; `INVALID_OPTION` if the data set's memory is too
 * small for a batch; `DISPOSED`
 */
export async function* batches(
  dataset: Dataset,
  cuts: Iterable<Uint32Array>,
  view?: (start: number) => BindingView,
): AsyncGenerator<Batch, void> {
  const rest = cuts[Symbol.iterator]()
  let start = 0
  const begin = () => {
    const { done, value: indices } = rest.next()
    if (done) return undefined
    const pictures = dataset.batch(indices, view?.(start))
    start += indices.length
    // Thrown when it is awaited; until then it is nobody's.
    pictures.catch(() => undefined)
    return { indices, pictures }
  }
  let next = begin()
  try {
    while (next) {
      const { indices } = next
      const pictures = await next.pictures
      next = begin()
      try {
        yield { indices, pictures }
      } finally {
        pictures.dispose()
      }
    }
  } finally {
    await next?.pictures.then(
      pictures => pictures.dispose(),
      () => undefined,
    )
  }
}

/** Numbers in the order given, so many at a time. */
export function* cut(order: Uint32Array, batchSize: number, from = 0): Generator<Uint32Array, void> {
  for (let start = from; start < order.length; start += batchSize) yield order.subarray(start, start + batchSize)
}
