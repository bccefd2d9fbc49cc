import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import { checked } from '../options.js'
import { pathOf, pathSchema, type FileUrl } from './bytes.js'
import { isJpegName, isPassedOver, JPEG_NAMES, otherFiles, whyNotRead } from './names.js'
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
  /** What happens to a damaged or unreadable file; `error` by default. Files that are skipped, or used although damaged, are listed. */
  onError?: OnBadFile | undefined
  /** Limits for one file. */
  limits?: JpegLimits | undefined
  /** `exif` (default): images are turned upright by their Exif orientation. `stored`: they are used as stored. */
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
  /** Files that are no JPEG files by their names, and folders that are no classes. */
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
export function jpegFolder(directory: string | FileUrl, options: SourceOptions = {}): JpegFolder {
  const { onError = 'error', limits, orientation } = checked(sourceOptionsSchema, options, 'jpegFolder')
  const path = pathOf(checked(pathSchema, directory, 'jpegFolder.directory'), 'jpegFolder.directory')
  return frozen({ type: 'folder', directory: path, onError, limits, orientation })
}

/**
 * Lists a class folder. Hidden files and folders are passed over, links followed. A folder in it that has nothing is no class; what
 * is hidden or passed over and might have been meant is told with what is skipped.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `NO_CLASSES` if there is no class or, unless bad files are skipped, if
 * a class has files but no JPEG files
 */
export async function listFolder(directory: string, onError: OnBadFile = 'error'): Promise<FolderListing> {
  const listing: FolderListing = { classes: [], files: [], labels: [], skipped: [] }
  const { entries: top, passedOver } = await readFolder(directory)
  passedOver.forEach(path => passOver(listing, path))
  for (const { name, path, isFolder } of top) {
    if (isFolder) continue
    if (isJpegName(name)) listing.skipped.push({ file: path, reason: 'an image outside the folders of the classes' })
    else leaveOut(listing, path)
  }
  for (const { name, path } of top.filter(entry => entry.isFolder)) {
    const [files, skipped] = [listing.files.length, listing.skipped.length]
    await collect(path, listing.classes.length, listing)
    if (listing.files.length > files) {
      listing.classes.push(name)
      continue
    }
    const others = listing.skipped.slice(skipped).map(({ file }) => file)
    const found = otherFiles(others.filter(file => !isPassedOver(basename(file))))
    if (found !== 'none' && onError !== 'skip') throw mismatch('NO_CLASSES', path, `JPEG files (${JPEG_NAMES})`, found)
    listing.skipped.push({ file: path, reason: 'no class, because no JPEG files are in it' })
  }
  if (listing.classes.length > 0) return listing
  const files = top.filter(entry => !entry.isFolder).map(({ name }) => name)
  const folders = top.length - files.length
  const found = folders > 0 ? 'no JPEG files in the folders in it' : `no folders in it${amongThem(files)}`
  throw mismatch('NO_CLASSES', directory, 'a folder with one folder of JPEG files for each class', found)
}

/** What files there are where folders were expected. */
function amongThem(files: readonly string[]): string {
  const pictures = files.filter(isJpegName).length
  const list = files.find(name => /\.(csv|tsv)$/i.test(name))
  return [
    ...(pictures > 0 ? [`, but ${pictures} JPEG ${pictures === 1 ? 'file' : 'files'}`] : []),
    ...(list === undefined ? [] : [`, but ${list}, which can be named itself if it lists images and classes`]),
  ].join('')
}

/** Adds the files of a folder and of those in it. */
async function collect(folder: string, label: number, listing: FolderListing): Promise<void> {
  for await (const { path, name, isPassedOver } of walk(folder)) {
    if (isPassedOver) passOver(listing, path)
    else if (isJpegName(name)) {
      listing.files.push(path)
      listing.labels.push(label)
    } else leaveOut(listing, path)
  }
}

/** A file that {@link walk} came upon, or what it passed over. */
interface Found {
  path: string
  name: string
  /** Whether it is hidden or left by a system, a file or a folder. */
  isPassedOver: boolean
}

/**
 * The files of a folder and of all in it, a folder's in the order of their names.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`
 */
export async function* walk(folder: string, above: readonly string[] = []): AsyncGenerator<Found, void> {
  const { entries, passedOver } = await readFolder(folder)
  for (const path of passedOver) yield { path, name: basename(path), isPassedOver: true }
  const real = await realpath(folder)
  // A link to a folder above would be followed for ever.
  if (above.includes(real)) return
  for (const { name, path, isFolder } of entries) {
    if (isFolder) yield* walk(path, [...above, real])
    else yield { path, name, isPassedOver: false }
  }
}

function leaveOut({ skipped }: FolderListing, file: string): void {
  skipped.push({ file, reason: whyNotRead(file) })
}

function passOver({ skipped }: FolderListing, file: string): void {
  skipped.push({ file, reason: 'hidden, or left by a system' })
}

interface Entry {
  name: string
  path: string
  isFolder: boolean
}

/**
 * What is in a folder, in the order of its names; links are what they lead to. What is hidden or left there by a system is
 * not among it; of that, what might have been meant is named.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`
 */
export async function readFolder(folder: string): Promise<{ entries: Entry[]; passedOver: string[] }> {
  const all = await readdir(folder, { withFileTypes: true }).catch((cause: NodeJS.ErrnoException) => {
    throw notAFolder(folder, cause)
  })
  all.sort((a, b) => (a.name < b.name ? -1 : 1))
  const isMeant = (entry: Dirent) => entry.isDirectory() || isJpegName(entry.name) || !entry.name.startsWith('.')
  const passedOver = all.filter(entry => isPassedOver(entry.name) && isMeant(entry))
  const entries = await Promise.all(
    all
      .filter(({ name }) => !isPassedOver(name))
      .map(async entry => {
        const path = join(folder, entry.name)
        // A link to nothing stays a file, which then cannot be read and is named.
        const target = entry.isSymbolicLink() ? await stat(path).catch(() => entry) : entry
        return { name: entry.name, path, isFolder: target.isDirectory() }
      }),
  )
  return { entries, passedOver: passedOver.map(({ name }) => join(folder, name)) }
}

/** Why a folder cannot be read. */
export function notAFolder(folder: string, cause: NodeJS.ErrnoException): ModelError {
  const missing = cause.code === 'ENOENT'
  const found = missing ? 'none' : cause.code === 'ENOTDIR' ? 'a file' : cause.message
  const code = missing ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'
  return new ModelError(code, `${folder}: expected a folder, found ${found}`, {
    path: folder,
    expected: 'a folder',
    found,
    cause,
  })
}
