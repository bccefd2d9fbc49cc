/** Options about the files that a command reads: what they may ask for, and what happens to bad ones. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { bytesOf } from '../data/memory.js'
import { ModelError, mismatch, type ModelErrorCode } from '../errors.js'
import type { JpegLimits, JpegReadOptions, OnBadFile } from '../index.js'

/** Their values. */
export interface ReadingOptions {
  skipBadFiles?: boolean
  useDamagedFiles?: boolean
  limits?: JpegLimits
}

export const skipBadOption = () =>
  new Option('--skip-bad-files', 'leave out files that cannot be read, and report them, instead of stopping')

export const useDamagedOption = () =>
  new Option('--use-damaged-files', 'decode damaged files as far as possible, and report them, instead of stopping')

/** Limits of a file, and whether each is an amount of memory. */
const LIMITS: Record<keyof JpegLimits, boolean> = {
  work: false,
  pixels: false,
  scans: false,
  components: false,
  bytes: true,
  memory: true,
}

export const limitsOption = () =>
  new Option(
    '--limits <a=x,…>',
    'limits for one file: work=1000 (milliseconds of decoding), pixels=134217728, bytes=128MiB, memory=2GiB, scans=500, components=4 are the defaults',
  ).argParser(limits)

function limits(text: string): JpegLimits {
  return Object.fromEntries(
    text.split(',').map(entry => {
      const [name = '', value = ''] = entry.trim().split('=')
      const names = Object.keys(LIMITS).join(', ')
      if (!Object.hasOwn(LIMITS, name))
        throw new InvalidArgumentError(`Expected limits among ${names}, found ${entry}.`)
      const isMemory = LIMITS[name as keyof JpegLimits]
      const amount = isMemory ? bytesOf(value) : /^\d{1,15}$/.test(value) ? Number(value) : undefined
      if (amount === undefined || amount < 1) {
        const expected = isMemory ? 'an amount of memory such as 256MiB' : 'a whole number of at least 1'
        throw new InvalidArgumentError(`Expected ${name}=x with ${expected}, found ${entry}.`)
      }
      return [name, amount]
    }),
  )
}

/**
 * How a set of files is read.
 *
 * @throws ModelError `INVALID_OPTION` if bad files are to be skipped and used
 */
export function readingOf({ skipBadFiles, useDamagedFiles, limits }: ReadingOptions): {
  onError: OnBadFile
  limits: JpegLimits | undefined
} {
  if (skipBadFiles && useDamagedFiles) {
    throw mismatch('INVALID_OPTION', '--use-damaged-files', 'nothing beside --skip-bad-files', 'both')
  }
  return { onError: skipBadFiles ? 'skip' : useDamagedFiles ? 'use' : 'error', limits }
}

/** How single files are read. */
export function readingOfOne({ useDamagedFiles, limits }: ReadingOptions): JpegReadOptions {
  return { onError: useDamagedFiles ? 'use' : 'error', limits }
}

/** Errors of a file that was read, rather than of what a command was given. */
const OF_PICTURES: readonly ModelErrorCode[] = [
  ...(['EMPTY_FILE', 'NOT_JPEG', 'TRUNCATED_JPEG', 'CORRUPT_JPEG', 'UNSUPPORTED_JPEG', 'JPEG_TOO_LARGE'] as const),
  'SIZE_MISMATCH',
]

/** Which options of a command make more of the images that ended it, if it has one that it was not given. */
export function badFileAdvice(error: unknown, command: Command | undefined): string | undefined {
  if (!(error instanceof ModelError && OF_PICTURES.includes(error.code))) return undefined
  const has = (name: string) => command?.options.some(({ long }) => long === name)
  const advice = [
    ...(error.code === 'JPEG_TOO_LARGE' && has('--limits') ? ['--limits allows files more'] : []),
    ...(has('--skip-bad-files') && !command?.opts<ReadingOptions>().skipBadFiles
      ? ['--skip-bad-files goes on without such files']
      : []),
  ]
  return advice.length > 0 ? advice.join(', ') : undefined
}
