/** What names of files and folders say of what they hold. */
import { extname } from 'node:path'

/** Endings of JPEG files. */
export const JPEG_ENDINGS: readonly string[] = ['.jpg', '.jpeg', '.jpe', '.jfif', '.jfi', '.jif']

/** Endings of images of other kinds. */
const OTHER_PICTURES: readonly string[] = [
  ...['.png', '.webp', '.gif', '.bmp', '.tif', '.tiff', '.heic', '.heif', '.avif', '.jxl', '.jp2', '.ppm', '.svg'],
  ...['.cr2', '.cr3', '.nef', '.arw', '.dng', '.raf', '.orf', '.rw2'],
]

/** Endings of archives that may hold images. */
const ARCHIVES: readonly string[] = ['.zip', '.tar', '.tgz', '.gz', '.xz', '.bz2', '.zst', '.7z', '.rar']

/** Names that systems and programs leave in folders of images, beside hidden ones. */
const LEFT_BY_SYSTEMS: readonly string[] = [
  ...['__macosx', 'thumbs.db', 'desktop.ini', '@eadir', '$recycle.bin', 'system volume information', 'lost+found'],
]

/** Endings of JPEG files, as messages name them. */
export const JPEG_NAMES = '.jpg, .jpeg, .jpe, .jfif, .jif'

/** Whether a file's name says that it is a JPEG file. */
export function isJpegName(name: string): boolean {
  return JPEG_ENDINGS.includes(endingOf(name))
}

/** Whether a file's name says that it is an image of any kind. */
export function isPictureName(name: string): boolean {
  return isJpegName(name) || OTHER_PICTURES.includes(endingOf(name))
}

/** Whether a file or folder of this name is none of a data set's: hidden, or left there by a system. */
export function isPassedOver(name: string): boolean {
  return name.startsWith('.') || LEFT_BY_SYSTEMS.includes(name.toLowerCase())
}

/** Why a file of this name is not read; the same words for all of a kind, so that they can be counted. */
export function whyNotRead(name: string): string {
  const ending = endingOf(name)
  if (OTHER_PICTURES.includes(ending))
    return `a ${ending} image, and only JPEG files are read: convert it to .jpg first`
  if (ARCHIVES.includes(ending)) return `a ${ending} archive, which is not looked into: unpack it first`
  return `not called ${JPEG_NAMES}`
}

/** What lies where JPEG files were expected: `none`, or how many files of each ending. */
export function otherFiles(names: readonly string[]): string {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(endingOf(name), (counts.get(endingOf(name)) ?? 0) + 1)
  const most = [...counts].sort(([, a], [, b]) => b - a).slice(0, 3)
  if (most.length === 0) return 'none'
  const told = most.map(([ending, count]) => `${count} ${ending === '' ? 'without an ending' : ending}`).join(', ')
  const convert = most.some(([ending]) => OTHER_PICTURES.includes(ending)) ? '; convert images to .jpg first' : ''
  return `none, but other files (${told}${convert})`
}

function endingOf(name: string): string {
  return extname(name).toLowerCase()
}
