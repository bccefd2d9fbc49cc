/** The images of an experiment. */
import { loadDataset, type Dataset } from '../data/dataset.js'
import { folderLayout } from '../data/find.js'
import { listFolder } from '../data/folder.js'
import { jpegFiles, type LabelledFile } from '../data/images.js'
import { inspectJpeg } from '../data/inspect.js'
import { splitNumbers } from '../data/split.js'
import { mismatch } from '../errors.js'

/** Files to learn from and files to be tested on, of the same classes. */
export interface Pictures {
  classes: readonly string[]
  train: readonly LabelledFile[]
  test: readonly LabelledFile[]
}

/** Images of a set below which nothing can be learned or said. */
const LEAST = 10

/** The share of each class that is tested on, where a folder is not divided. */
const TEST_SHARE = 0.2

/** What a quick run looks at of a set, at most: so many images, and so many pixels of them. */
const QUICK = { pictures: 2000, pixels: 2 ** 23 }

/**
 * The files of a folder: of its `train` and `test` (or `val`), as {@link findDataset} has it, each with a folder of JPEG files for
 * each class; or, if it has no such parts, of its own classes, a fifth of each to be tested on. Nothing is decoded.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `NO_CLASSES` if there are fewer than two classes or a set has too
 *   few images; `LABELS_MISMATCH` if the sets have not the same classes
 */
export async function listPictures(data: string): Promise<Pictures> {
  const { train: trained, validation, test: tested } = await folderLayout(data)
  const testFolder = tested ?? validation
  const { classes, train, test } =
    testFolder === undefined ? await divided(trained) : await bothSets([trained, testFolder])
  if (classes.length < 2) {
    const expected =
      testFolder === undefined ? 'folders train and test, or at least two classes' : 'at least two classes'
    throw mismatch('NO_CLASSES', trained, expected, `one (${classes.join()})`)
  }
  for (const [at, files] of [train, test].entries()) {
    if (files.length >= LEAST) continue
    const folder = at === 0 ? trained : (testFolder ?? trained)
    const what = testFolder !== undefined ? '' : at === 0 ? ' to learn from' : ' to test on'
    throw mismatch('NO_CLASSES', folder, `at least ${LEAST} JPEG files${what}`, String(files.length))
  }
  return { classes, train, test }
}

async function bothSets([trainFolder, testFolder]: readonly [string, string]): Promise<Pictures> {
  const [train, test] = [await labelled(trainFolder), await labelled(testFolder)]
  const [expected, found] = [train, test].map(({ classes }) => classes.join(', ')) as [string, string]
  if (expected !== found) {
    throw mismatch('LABELS_MISMATCH', testFolder, `the classes of ${trainFolder}: ${expected}`, found)
  }
  return { classes: train.classes, train: train.files, test: test.files }
}

async function divided(data: string): Promise<Pictures> {
  const { classes, files, labels } = await labelled(data)
  const names = files.map(({ file }) => file)
  const parts = splitNumbers({ source: data, files: names, labels: Uint32Array.from(labels) }, { test: TEST_SHARE })
  const of = (numbers: readonly number[]) => numbers.map(number => files[number] as LabelledFile)
  return { classes, train: of(parts.train), test: of(parts.test) }
}

async function labelled(folder: string) {
  const { classes, files, labels } = await listFolder(folder)
  return {
    classes,
    labels,
    files: files.map((file, at): LabelledFile => ({ file, label: classes[labels[at] as number] as string })),
  }
}

/** A set, decoded; a part of it, spread over the classes, if it is quick. */
export async function picturesOf(
  { pictures, most }: { pictures: Pictures; most: number },
  set: 'train' | 'test',
  { signal }: { signal: AbortSignal | undefined },
): Promise<Dataset> {
  const all = await loadDataset(jpegFiles(pictures[set]), { signal })
  if (all.length <= most) return all
  using whole = all
  return whole.subset(spread(whole.length, most))
}

/** Which of so many images are taken: spread over the classes, which come one after the other. */
export function spread(all: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => Math.floor((index * all) / count))
}

/** How many images of a set a quick run looks at: fewer if they are large. */
export async function quickCount({ train: [first] }: Pictures): Promise<number> {
  if (!first) return QUICK.pictures
  const { width, height } = await inspectJpeg(first.file)
  return Math.min(QUICK.pictures, Math.max(LEAST, Math.floor(QUICK.pixels / (width * height))))
}
