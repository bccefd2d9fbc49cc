/** The pictures of an experiment: a folder with `train` and `test`, each with a folder of JPEG files for each class. */
import { join } from 'node:path'
import { loadDataset, type Dataset } from '../data/dataset.js'
import { jpegFolder, listFolder } from '../data/folder.js'
import { mismatch } from '../errors.js'
import type { PartContext, Settings } from './experiment.js'

/** Pictures of a set below which nothing can be learned or said. */
const LEAST = 10

/** Pictures of either set. */
export function picturesOf(
  { data }: Pick<Settings, 'data'>,
  set: 'train' | 'test',
  { signal }: Pick<PartContext, 'signal'>,
): Promise<Dataset> {
  return loadDataset(jpegFolder(join(data as string, set)), { signal })
}

/**
 * Refuses a folder that is not one, before anything is decoded.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `NO_CLASSES` if there are fewer than two classes or a set has too
 *   few pictures; `LABELS_MISMATCH` if the sets have not the same classes
 */
export async function checkFolder(data: string): Promise<void> {
  const classes: string[] = []
  for (const set of ['train', 'test']) {
    const path = join(data, set)
    const listing = await listFolder(path)
    if (listing.classes.length < 2) {
      throw mismatch('NO_CLASSES', path, 'at least two classes', `one (${listing.classes.join()})`)
    }
    if (listing.files.length < LEAST) {
      throw mismatch('NO_CLASSES', path, `at least ${LEAST} JPEG files`, String(listing.files.length))
    }
    classes.push(listing.classes.join(', '))
  }
  const [train, test] = classes as [string, string]
  if (train !== test) throw mismatch('LABELS_MISMATCH', join(data, 'test'), `the classes of train: ${train}`, test)
}
