/** Where a command writes: a path on which nothing is lost, found before there is work to lose. */
import { access, constants, readdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join, resolve } from 'node:path'
import type { BigIntStats } from 'node:fs'
import { Option } from 'commander'
import { JPEG_ENDINGS } from '../data/names.js'
import { mismatch, type ModelError } from '../errors.js'
import { isLocked } from '../files.js'
import { existingFile, type ExistingFile } from './existing.js'

/** What commands write, and how its files are called. */
const EXTENSIONS = {
  model: ['.model', '.safetensors'],
  weights: ['.safetensors'],
  coefficients: ['.safetensors'],
  jpeg: JPEG_ENDINGS,
  onnx: ['.onnx'],
  page: ['.html', '.htm'],
  markdown: ['.md'],
  json: ['.json'],
  lines: ['.jsonl', '.ndjson'],
  csv: ['.csv'],
} as const

/** A kind of file that commands write. */
export type OutputKind = keyof typeof EXTENSIONS

/** What is known of a command that writes a file. */
export interface OutputOptions {
  /** The option that names the file. */
  option?: string
  /** What the command reads: files, folders, `archive.tar:folder`, `-`. */
  inputs?: readonly (string | undefined)[]
  /** The file that the command goes on with, which may be the one that is written. */
  resumed?: string | undefined
  /** Whether the file takes long to make, so that one of its kind is not made again in moments either. */
  lasting?: boolean
  /** Whether a file that is there is to be replaced. */
  force?: boolean | undefined
}

/** `--force`, of every command that writes a file. */
export const forceOption = () => new Option('--force', 'overwrite the file at --out, unless the command also reads it')

/**
 * Refuses a path on which something would be lost, before any work. Files that the program makes again in moments (its pages,
 * exports, models that were never trained) are replaced; any other only by `--force`, and what the command reads never.
 *
 * @returns what is to be written, told by the path's extension
 * @throws ModelError `INVALID_OPTION` if the name is of another kind, the file is one that the command reads, or there is one that would
 *   be lost; `WRITE_FAILED` if there is no such folder or it cannot be written to
 */
export async function outputFile<Kind extends OutputKind>(
  path: string,
  kinds: readonly Kind[],
  { option = '--out', inputs = [], resumed, lasting = false, force = false }: OutputOptions = {},
): Promise<Kind> {
  const kind = kindOf(path, kinds, option)
  const there = await statOf(path)
  await mustBeWritable(path, there)
  if (!there) return kind
  if (!there.isFile()) {
    throw mismatch('WRITE_FAILED', path, 'a file that can be written', there.isDirectory() ? 'a folder' : 'a device')
  }
  const same = (other: BigIntStats | undefined) => other?.ino === there.ino && other.dev === there.dev
  if (resumed !== undefined && same(await statOf(resumed))) return kind
  for (const input of inputs) {
    if (input === undefined || !same(await inputOf(input))) continue
    throw mismatch('INVALID_OPTION', option, 'another file than those that the command reads', path)
  }
  const existing = await existingFile(path)
  if (existing.kind === 'jpeg' && kind !== 'jpeg') throw occupied(option, path, 'no JPEG file there', existing)
  const madeAgain = existing.kind === 'empty' || (existing.kind === kind && existing.madeAgain && !lasting)
  if (!force && !madeAgain) {
    const goOn = existing.kind === 'model' && kind === 'model' ? `, or --resume ${path} to go on with it` : ''
    throw occupied(option, path, `a new file, or --force to replace the one that is there${goOn}`, existing)
  }
  return kind
}

function occupied(option: string, path: string, expected: string, { words }: ExistingFile): ModelError {
  return mismatch('INVALID_OPTION', option, expected, `${path}, ${words}`)
}

/** What a path's extension says is to be written there. */
function kindOf<Kind extends OutputKind>(path: string, kinds: readonly Kind[], option: string): Kind {
  const extension = /[/\\]$/.test(path) ? '' : extname(path).toLowerCase()
  const kind = kinds.find(kind => (EXTENSIONS[kind] as readonly string[]).includes(extension))
  if (kind !== undefined) return kind
  const names = kinds.map(kind => EXTENSIONS[kind][0])
  const all = [names.slice(0, -1).join(', '), names.at(-1)].filter(text => text !== '').join(' or ')
  throw mismatch('INVALID_OPTION', option, `a name ending in ${all}`, path)
}

/** What `train` is told of its model's file, and of those that it reads. */
interface TrainingFiles {
  out?: string
  resume?: string
  force?: boolean
  from?: string
  test?: string
}

/**
 * Where a training saves its model: where `--out` says; else to the one that it goes on with; else to a new file in this folder that is
 * called as the data is.
 *
 * @throws ModelError as {@link outputFile}
 */
export async function modelOutput(data: string, { out, resume, force, from, test }: TrainingFiles): Promise<string> {
  const path = out ?? resume ?? (await newModelFile(nameOf(data)))
  const option = out === undefined && resume !== undefined ? '--resume' : '--out'
  await outputFile(path, ['model'], { option, inputs: [data, test, from, resume], resumed: resume, force })
  return path
}

async function newModelFile(name: string): Promise<string> {
  const taken = new Set((await readdir('.')).map(name => name.toLowerCase()))
  for (let number = 1; ; number++) {
    const path = `${name}${number === 1 ? '' : `-${number}`}.model`
    if (!taken.has(path.toLowerCase()) && !isLocked(path)) return path
  }
}

/** Names that say what images are for rather than what they show. */
const PARTS = ['train', 'training', 'data', 'images']

/** `photos` of `photos/`, `photos/train`, `../photos.tar.gz`, `photos.csv` and `photos.tar:train`. */
function nameOf(data: string): string {
  if (data === '-') return 'stdin'
  const whole = resolve(data.replace(/\.(csv|tsv|txt|(tar|tar\.\w+|tgz|txz|tbz2?|tzst)(:.*)?)$/i, ''))
  const name = PARTS.includes(basename(whole).toLowerCase()) ? basename(dirname(whole)) : basename(whole)
  return name.replace(/^[.-]+/, '') || 'trained'
}

/** An input that is a file or a folder, or the archive that it is in. */
async function inputOf(input: string): Promise<BigIntStats | undefined> {
  const end = input.lastIndexOf(':')
  return (await statOf(input)) ?? (end > 0 ? statOf(input.slice(0, end)) : undefined)
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined)
}

async function mustBeWritable(path: string, there: BigIntStats | undefined): Promise<void> {
  const folder = dirname(path)
  const refuse = (found: string) => mismatch('WRITE_FAILED', path, 'a file that can be written', found)
  const inFolder = await statOf(folder)
  if (!inFolder) throw refuse(`no folder ${folder}`)
  if (!inFolder.isDirectory()) throw refuse(`that ${folder} is no folder`)
  for (const where of there ? [folder, path] : [folder]) {
    await access(where, constants.W_OK).catch((cause: Error) => {
      throw refuse(cause.message)
    })
  }
  await stat(join(folder, basename(path))).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw refuse(cause.message)
  })
}
