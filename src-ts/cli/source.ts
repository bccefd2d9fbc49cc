/** What DATA on a command line names. */
import { mismatch } from '../errors.js'
import { findDataset, isDataset } from '../data/find.js'
import { partOf } from '../data/layout.js'
import { jpegTar, type ClassBalance, type Dataset, type JpegSource, type SourceOptions } from '../index.js'
import { count, say, warn } from './terminal.js'

/** What it may be, for the command's help. */
export const DATA =
  'a folder with one folder for each class, or with folders train and test (or val) that each have one folder for each class; a list of paths and labels (.csv, .tsv, .txt); a tar archive (.tar, .tar.gz) or a folder in it (photos.tar:train); or - for a tar archive on stdin (stdin:train for a folder in it)'

/** An archive on stdin, and the folder in it. */
const STDIN = /^(?:-|stdin:(.+))$/

/** What is learned from and what is tested on, as an argument names them. */
export interface NamedSets {
  train: JpegSource
  validation?: JpegSource | undefined
  test?: JpegSource | undefined
}

/**
 * All parts that an argument names, and a line for the person if it has more than one, or is not its own folder of classes.
 *
 * @throws ModelError as {@link findDataset}; `INVALID_OPTION` if stdin is a terminal
 */
export async function setsOf(data: string, reading: SourceOptions): Promise<NamedSets> {
  const stdin = STDIN.exec(data)
  if (stdin) {
    const [, folder] = stdin
    if (process.stdin.isTTY) throw mismatch('INVALID_OPTION', '-', 'a tar archive on stdin', 'a terminal')
    return { train: jpegTar(process.stdin, { ...reading, folder }) }
  }
  const { beside, ...sets } = await findDataset(data, reading)
  if (beside.length > 0)
    say(
      `${data}: ${beside.join(', ')} ${beside.length === 1 ? 'is no part of it, and is' : 'are no parts of it, and are'} not read`,
    )
  return sets
}

/**
 * The images that an argument names, to test on: the part `test` if it has parts, else `val`, which a line says.
 *
 * @throws ModelError as {@link setsOf}
 */
export async function sourceOf(data: string, reading: SourceOptions): Promise<JpegSource> {
  const { train, validation, test } = await setsOf(data, reading)
  const source = test ?? validation ?? train
  if (pathOf(source) !== data && !STDIN.test(data)) say(`${data} stands for ${pathOf(source)}`)
  return source
}

/**
 * The images to learn from, and those to test on meanwhile unless others are named: `val`, or `test` if there is no `val`. A
 * line says what was found.
 *
 * @throws ModelError as {@link setsOf}
 */
export async function trainingSourcesOf(
  data: string,
  reading: SourceOptions,
  isTestedOtherwise: boolean,
): Promise<{ train: JpegSource; test: JpegSource | undefined }> {
  const { train, validation, test } = await setsOf(data, reading)
  const tested = isTestedOtherwise ? undefined : (validation ?? test)
  const left = [validation, test].filter(source => source !== undefined && source !== tested) as JpegSource[]
  if (pathOf(train) !== data && !STDIN.test(data)) {
    const parts = [
      `learns from ${pathOf(train)}`,
      ...(tested ? [`tests on ${pathOf(tested)} (--test names another)`] : []),
      ...left.map(source => `leaves ${pathOf(source)} for jpegnet evaluate`),
    ]
    say(`${data}: ${parts.join(', ')}`)
  }
  return { train, test: tested }
}

/** Says so if classes have the names of parts of a data set: the wrong column of a list, perhaps. */
export function warnOfParts({ classes }: Dataset): void {
  if (!classes.every(name => partOf(name))) return
  warn(`the classes are called ${classes.join(' and ')}, as parts of a data set are: is that what tells them apart?`)
}

/** A source as a command line names it. */
function pathOf(source: JpegSource): string {
  if (source.type === 'folder') return source.directory
  if (source.type === 'tar') return source.folder === '' ? source.name : `${source.name}:${source.folder}`
  return source.type === 'list' ? source.file : source.type
}

/** Whether an argument names many images with their classes rather than one file. */
export async function isData(argument: string): Promise<boolean> {
  return STDIN.test(argument) || (await isDataset(argument))
}

/** How even the classes of a data set are, in one line. */
export function balanceText({ classes, ratio }: ClassBalance): string {
  const few = classes.reduce((least, other) => (other.count < least.count ? other : least))
  const many = classes.reduce((most, other) => (other.count > most.count ? other : most))
  if (ratio === 1) return `${count(classes.length)} classes of ${count(few.count)} images each`
  return `${count(classes.length)} classes of ${count(few.count)} (${few.name}) to ${count(many.count)} images (${many.name})`
}
