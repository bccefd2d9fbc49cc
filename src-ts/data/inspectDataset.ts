import { lift } from '../native/addon.js'
import type { ClassBalance } from './balance.js'
import { batches, cut } from './batches.js'
import { checkedSource, checkMemory, Dataset, loadDataset, type LoadDatasetOptions } from './dataset.js'
import type { SkippedFile } from './folder.js'
import { inspection } from './inspect.js'
import { checkedObject } from '../options.js'
import { throwIfAborted } from './iteration.js'
import type { JpegSource } from './listing.js'

/** What the images of a data set are like. */
export interface DatasetInspection {
  /** The folder, list or archive, or the function that named the images. */
  source: string
  images: number
  /** How many each class has. */
  balance: ClassBalance
  /** Sizes in pixels and how many images have each, the most frequent first. */
  sizes: { width: number; height: number; count: number }[]
  /** Chroma subsampling, or gray, and how many images have each, the most frequent first. */
  sampling: { sampling: string; count: number }[]
  /** Images that are coded progressively. */
  progressive: number
  /** Images on which the decoder remarked something. */
  warned: number
  /** Bytes of all files. */
  fileBytes: number
  /** Bytes that the data set takes in memory. */
  bytes: number
  /** Files left out, and why. */
  skipped: readonly SkippedFile[]
}

/** Images in a batch: few, since all of a batch are unpacked. */
const PICTURES_A_CALL = 128

/**
 * Reads a source and looks at every image of it.
 *
 * @throws ModelError as {@link loadDataset}
 */
export async function inspectDataset(
  data: JpegSource | Dataset,
  options: LoadDatasetOptions = {},
): Promise<DatasetInspection> {
  const source = checkedSource(data, 'inspectDataset')
  checkMemory(checkedObject(options, 'inspectDataset').memory, [data], 'inspectDataset')
  const dataset = source instanceof Dataset ? source : await loadDataset(source, options)
  try {
    const sizes = new Counts()
    const sampling = new Counts()
    let [progressive, warned, fileBytes] = [0, 0, 0]
    const all = Uint32Array.from({ length: dataset.length }, (_, index) => index)
    const lostFiles: SkippedFile[] = []
    for await (const { indices, pictures, lost } of batches(dataset, cut(all, PICTURES_A_CALL))) {
      throwIfAborted(options.signal)
      lostFiles.push(...lost)
      for (const position of indices.keys()) {
        const picture = inspection(lift(pictures.describe(position)))
        sizes.add(`${picture.width}×${picture.height}`)
        sampling.add(picture.sampling)
        progressive += Number(picture.coding.includes('progressive'))
        warned += Number(picture.warnings.length > 0)
        fileBytes += picture.fileBytes
      }
    }
    return {
      source: dataset.source,
      images: dataset.length,
      balance: dataset.balance,
      sizes: sizes.sorted().map(([size, count]) => {
        const [width, height] = size.split('×').map(Number) as [number, number]
        return { width, height, count }
      }),
      sampling: sampling.sorted().map(([sampling, count]) => ({ sampling, count })),
      progressive,
      warned,
      fileBytes,
      bytes: dataset.bytes,
      skipped: [...dataset.skipped, ...lostFiles],
    }
  } finally {
    if (dataset !== data) dataset.dispose()
  }
}

/** How often each name came. */
class Counts {
  readonly #counts = new Map<string, number>()

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  }

  /** The most frequent first. */
  sorted(): [string, number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a)
  }
}
