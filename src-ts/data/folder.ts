import { readdir } from 'node:fs/promises'
import { extname, join } from 'node:path'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'

/** What to do about a file that gives no coefficients: stop with an error that names it, or go on without it. */
export type OnBadFile = 'error' | 'skip'

/** Options of {@link jpegFolder}. */
export interface FolderOptions {
  /** What to do about a damaged or unreadable file; `error` unless given. Skipped files are counted and named. */
  onError?: OnBadFile | undefined
}

/** A folder with a folder of JPEG files for each class. It is read when it is used. */
export interface JpegFolder {
  readonly type: 'folder'
  readonly directory: string
  readonly onError: OnBadFile
}

/** A file left out, and why. */
export interface SkippedFile {
  file: string
  reason: string
}

/** What a class folder holds. */
export interface FolderListing {
  /** Names of the class folders, in the order of their characters' codes. */
  classes: string[]
  /** All JPEG files, class after class, each class in the order of its names. */
  files: string[]
  /** The class of each file. */
  labels: number[]
  /** Files that are not called .jpg or .jpeg. */
  skipped: SkippedFile[]
}

const optionsSchema = z.strictObject({
  onError: z.enum(['error', 'skip']).optional(),
}) satisfies z.ZodType<FolderOptions>

/**
 * The JPEG files of a folder with one folder a class: `directory/cat/1.jpg`, `directory/dog/2.jpg`, …
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function jpegFolder(directory: string, options: FolderOptions = {}): JpegFolder {
  const { onError = 'error' } = checked(optionsSchema, options, 'jpegFolder')
  return frozen({ type: 'folder', directory, onError })
}

/**
 * Lists a class folder. Hidden files and folders are passed over.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `NO_CLASSES` if there is no class or a class has no JPEG files
 */
export async function listFolder(directory: string): Promise<FolderListing> {
  const top = await entriesOf(directory)
  const classes = top.filter(entry => entry.isDirectory()).map(entry => entry.name)
  const listing: FolderListing = { classes, files: [], labels: [], skipped: [] }
  const leaveOut = (file: string) => listing.skipped.push({ file, reason: 'not called .jpg or .jpeg' })
  top.filter(entry => !entry.isDirectory()).forEach(entry => leaveOut(join(directory, entry.name)))
  if (classes.length === 0) {
    throw mismatch('NO_CLASSES', directory, 'a folder with one folder of JPEG files for each class', 'no folders in it')
  }
  for (const [label, name] of classes.entries()) {
    const before = listing.files.length
    await collect(join(directory, name), label, listing, leaveOut)
    if (listing.files.length === before) {
      throw mismatch('NO_CLASSES', join(directory, name), 'JPEG files (.jpg or .jpeg)', 'none')
    }
  }
  return listing
}

async function collect(folder: string, label: number, listing: FolderListing, leaveOut: (file: string) => void) {
  for (const entry of await entriesOf(folder)) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await collect(path, label, listing, leaveOut)
    else if (['.jpg', '.jpeg'].includes(extname(entry.name).toLowerCase())) {
      listing.files.push(path)
      listing.labels.push(label)
    } else leaveOut(path)
  }
}

async function entriesOf(folder: string) {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    const details = {
      path: folder,
      expected: 'a folder',
      found: cause.code === 'ENOENT' ? 'none' : cause.message,
      cause,
    }
    const code = cause.code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'
    throw new ModelError(code, `${folder}: expected ${details.expected}, found ${details.found}`, details)
  })
  const visible = entries.filter(entry => !entry.name.startsWith('.'))
  return visible.sort((a, b) => (a.name < b.name ? -1 : 1))
}
