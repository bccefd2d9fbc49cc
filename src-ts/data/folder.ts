import { readdir, realpath, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import {
  limitsSchema,
  orientingSchema,
  type JpegLimits,
  type OnBadFile,
  type Orienting,
  type Reading,
} from './reading.js'

/** Options of {@link jpegFolder}, {@link jpegFiles} and {@link jpegImages}. */
export interface SourceOptions {
  /** What to do about a damaged or unreadable file; `error` unless given. Files skipped or doubted are named. */
  onError?: OnBadFile | undefined
  /** What a file may ask for. */
  limits?: JpegLimits | undefined
  /** Whether pictures are turned upright as their Exif data says (`exif`), as they are unless given, or taken as they are stored. */
  orientation?: Orienting | undefined
}

/** A folder with a folder of JPEG files for each class. It is read when it is used. */
export interface JpegFolder extends Reading {
  readonly type: 'folder'
  readonly directory: string
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

export const sourceOptionsSchema = z.strictObject({
  onError: z.enum(['error', 'skip', 'use']).optional(),
  limits: limitsSchema.optional(),
  orientation: orientingSchema.optional(),
}) satisfies z.ZodType<SourceOptions>

/**
 * The JPEG files of a folder with one folder a class: `directory/cat/1.jpg`, `directory/dog/2.jpg`, …
 *
 * @throws ModelError `INVALID_OPTION`
 */
export function jpegFolder(directory: string, options: SourceOptions = {}): JpegFolder {
  const { onError = 'error', limits, orientation } = checked(sourceOptionsSchema, options, 'jpegFolder')
  const checkedDirectory = checked(z.string().min(1), directory, 'jpegFolder.directory')
  return frozen({ type: 'folder', directory: checkedDirectory, onError, limits, orientation })
}

/**
 * Lists a class folder. Hidden files and folders are passed over, links followed.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `NO_CLASSES` if there is no class or a class has no JPEG files
 */
export async function listFolder(directory: string): Promise<FolderListing> {
  const top = await entriesOf(directory)
  const classes = top.filter(entry => entry.isFolder).map(entry => entry.name)
  const listing: FolderListing = { classes, files: [], labels: [], skipped: [] }
  top.filter(entry => !entry.isFolder).forEach(entry => leaveOut(listing, entry.path))
  if (classes.length === 0) {
    throw mismatch('NO_CLASSES', directory, 'a folder with one folder of JPEG files for each class', 'no folders in it')
  }
  for (const [label, name] of classes.entries()) {
    const before = listing.files.length
    await collect(join(directory, name), label, listing, [])
    if (listing.files.length === before) {
      throw mismatch('NO_CLASSES', join(directory, name), 'JPEG files (.jpg or .jpeg)', 'none')
    }
  }
  return listing
}

/** Adds the files of a folder and of those in it. */
async function collect(folder: string, label: number, listing: FolderListing, above: string[]): Promise<void> {
  const real = await realpath(folder)
  // A link to a folder above would be followed for ever.
  if (above.includes(real)) return
  for (const { name, path, isFolder } of await entriesOf(folder)) {
    if (isFolder) await collect(path, label, listing, [...above, real])
    else if (isPicture(name)) {
      listing.files.push(path)
      listing.labels.push(label)
    } else leaveOut(listing, path)
  }
}

/** Whether a file's name says that it is a JPEG file. */
export function isPicture(name: string): boolean {
  return ['.jpg', '.jpeg'].includes(extname(name).toLowerCase())
}

function leaveOut({ skipped }: FolderListing, file: string): void {
  skipped.push({ file, reason: 'not called .jpg or .jpeg' })
}

interface Entry {
  name: string
  path: string
  isFolder: boolean
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    const missing = cause.code === 'ENOENT'
    const found = missing ? 'none' : cause.code === 'ENOTDIR' ? 'a file' : cause.message
    const code = missing ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'
    const details = { path: folder, expected: 'a folder', found, cause }
    throw new ModelError(code, `${folder}: expected a folder, found ${found}`, details)
  })
  const visible = entries.filter(entry => !entry.name.startsWith('.'))
  visible.sort((a, b) => (a.name < b.name ? -1 : 1))
  return Promise.all(
    visible.map(async entry => {
      const path = join(folder, entry.name)
      // A link to nothing stays a file, which then cannot be read and is named.
      const target = entry.isSymbolicLink() ? await stat(path).catch(() => entry) : entry
      return { name: entry.name, path, isFolder: target.isDirectory() }
    }),
  )
}
