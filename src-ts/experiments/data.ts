/** The pictures of an experiment: a folder with `train` and `test`, each with a folder of JPEG files for each class. */
import { join } from 'node:path'
import { loadDataset, type Dataset } from '../data/dataset.js'
import { jpegFolder, listFolder } from '../data/folder.js'
import { inspectJpeg } from '../data/inspect.js'
import { mismatch } from '../errors.js'
import type { PartContext, Settings } from './experiment.js'

/** Pictures of a set below which nothing can be learned or said. */
const LEAST = 10

/** What a quick run looks at of a set, at most: so many pictures, and so many pixels of them. */
const QUICK = { pictures: 2000, pixels: 2 ** 23 }

/** Pictures of either set. */
export async function picturesOf(
  { data, most }: Pick<Settings, 'data' | 'most'>,
  set: 'train' | 'test',
  { signal }: Pick<PartContext, 'signal'>,
): Promise<Dataset> {
  const all = await loadDataset(jpegFolder(join(data as string, set)), { signal })
  if (all.length <= most) return all
  using whole = all
  return whole.subset(spread(whole.length, most))
}

/** Which of so many pictures are taken: spread over the classes, which come one after the other. */
export function spread(all: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor((index * all) / count))
}

/** How many pictures a quick run looks at: fewer if they are large. */
export async function quickCount(data: string): Promise<number> {
  const { files } = await listFolder(join(data, 'train'))
  const { width, height } = await inspectJpeg(files[0] as string)
  return Math.min(QUICK.pictures, Math.max(LEAST, Math.floor(QUICK.pixels / (width * height))))
}

/**
 * The classes of both sets. Refuses a folder that is not one, before anything is decoded.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `NO_CLASSES` if there are fewer than two classes or a set has too
 *   few pictures; `LABELS_MISMATCH` if the sets have not the same classes
 */
export async function classesOf(data: string): Promise<readonly string[]> {
  const sets: string[][] = []
  for (const set of ['train', 'test']) {
    const path = join(data, set)
    const listing = await listFolder(path)
    if (listing.classes.length < 2) {
      throw mismatch('NO_CLASSES', path, 'at least two classes', `one (${listing.classes.join()})`)
    }
    if (listing.files.length < LEAST) {
      throw mismatch('NO_CLASSES', path, `at least ${LEAST} JPEG files`, String(listing.files.length))
    }
    sets.push([...listing.classes])
  }
  const [train, test] = sets.map(classes => classes.join(', ')) as [string, string]
  if (train !== test) throw mismatch('LABELS_MISMATCH', join(data, 'test'), `the classes of train: ${train}`, test)
  return sets[0] as string[]
}
