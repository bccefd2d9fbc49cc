/** How the folders of a data set lie: where its classes are, and which parts it has. */
import { mismatch } from '../errors.js'

/** A folder, on disk or in an archive. */
export interface Place {
  readonly name: string
  readonly path: string
  /** Whether images of any kind lie in it, rather than in folders in it. */
  hasPictures: () => Promise<boolean>
  /** The folders in it, in the order of their names. */
  folders: () => Promise<readonly Place[]>
}

/** Folders that hold a folder for each class. */
export interface Layout {
  readonly train: string
  readonly validation?: string
  readonly test?: string
  /** Folders of images beside these, which are passed over. */
  readonly beside: readonly string[]
}

type Part = 'train' | 'validation' | 'test'

/** What people call the parts of a data set. */
const NAMES: readonly [Part, RegExp][] = [
  ['train', /^(train|training)(set)?$/],
  ['validation', /^(val|valid|validation|dev)(set)?$/],
  ['test', /^(test|testing|eval)(set)?$/],
]

/** How deep folders are looked into. A circle of links ends there. */
const DEEPEST = 8

/**
 * Where the classes are: in the folder itself, or in the only folder of images in it, however deep; or in two or more parts
 * of a data set, `train` and one of `test`, `val`, `valid` and `validation` (or names with one of these, `seg_train`).
 *
 * @throws ModelError `NO_CLASSES` if there are parts but none to learn from, or parts without folders for classes
 */
export async function layoutOf(top: Place): Promise<Layout> {
  let folder = top
  for (let depth = 0; depth < DEEPEST; depth++) {
    const parts = await partsIn(folder)
    if (parts) return parts
    const inside = await firstOf(await folder.folders(), 2, holdsPictures)
    const [only] = inside
    if (!only || inside.length > 1 || (await folder.hasPictures()) || (await only.hasPictures())) break
    folder = only
  }
  // One class is what it is, whatever is above it.
  const isDeeper = folder !== top && (await firstOf(await folder.folders(), 2, holdsPictures)).length > 1
  return { train: isDeeper ? folder.path : top.path, beside: [] }
}

/** The parts that a folder has, if it is not a folder of classes. */
async function partsIn(folder: Place): Promise<Layout | undefined> {
  const folders = await folder.folders()
  const parts = partsAmong(folders)
  if (!parts) return refuseWithinClasses(folder, folders)
  const { train, validation, test } = parts
  const places = [train, validation, test].filter(place => place !== undefined)
  const isOther = (place: Place) => !places.includes(place)
  const rest = await firstOf(folders.filter(isOther), 4, holdsPictures)
  const [flat] = await firstOf(places, 1, isFlat)
  if (flat) {
    // Classes of such names among others are classes; alone they are what nobody means.
    if (rest.length > 0) return undefined
    const found = 'images alone; a list of paths and classes (train.csv) tells what folders do not'
    throw mismatch('NO_CLASSES', flat.path, 'a folder for each class', found)
  }
  if ((await firstOf(places, 2, holdsPictures)).length < 2) return undefined
  if (!train) {
    const found = `${places.map(({ name }) => name).join(' and ')} alone; name the one that is meant`
    throw mismatch('NO_CLASSES', folder.path, 'a folder train beside those to test on', found)
  }
  const deeper = async (place: Place) => (await layoutOf(place)).train
  return {
    train: await deeper(train),
    ...(validation && { validation: await deeper(validation) }),
    ...(test && { test: await deeper(test) }),
    beside: rest.map(({ path }) => path),
  }
}

/** @throws ModelError `NO_CLASSES` if a folder in it has the parts: a class, or a whole data set beside others */
async function refuseWithinClasses(folder: Place, folders: readonly Place[]): Promise<undefined> {
  if (folders.length < 2) return
  for (const place of folders) {
    if (!partsAmong(await place.folders())) continue
    const expected = 'folders train and test, each with a folder for each class'
    throw mismatch('NO_CLASSES', folder.path, expected, `such folders within ${place.path}; name the one that is meant`)
  }
}

/** Folders that are two or more parts of one data set by their names, which are alike but for that: `seg_train`, `seg_test`. */
function partsAmong(folders: readonly Place[]): Partial<Record<Part, Place>> | undefined {
  const sets = new Map<string, Partial<Record<Part, Place>>>()
  for (const place of folders) {
    const words = place.name.split(/[-_ .]+/)
    const at = words.findIndex(partOf)
    const part = partOf(words[at] ?? '')
    if (!part) continue
    const rest = words.with(at, '').join(' ')
    const set = sets.get(rest) ?? {}
    set[part] ??= place
    sets.set(rest, set)
  }
  const whole = (set: Partial<Record<Part, Place>> | undefined) => set && Object.keys(set).length > 1
  return whole(sets.get('')) ? sets.get('') : [...sets.values()].find(whole)
}

/** Whether a folder has images and no folder of them. */
async function isFlat(place: Place): Promise<boolean> {
  return (await place.hasPictures()) && (await firstOf(await place.folders(), 1, holdsPictures)).length === 0
}

/** Which part of a data set a folder of this name is, if it is one. */
export function partOf(name: string): Part | undefined {
  return NAMES.find(([, names]) => names.test(name.toLowerCase()))?.[0]
}

async function holdsPictures(place: Place, depth = 0): Promise<boolean> {
  if (await place.hasPictures()) return true
  if (depth >= DEEPEST) return false
  return (await firstOf(await place.folders(), 1, within => holdsPictures(within, depth + 1))).length > 0
}

/** The first so many places of which something is so. */
async function firstOf(
  places: readonly Place[],
  most: number,
  isSo: (place: Place) => Promise<boolean>,
): Promise<Place[]> {
  const found: Place[] = []
  for (const place of places) {
    if (found.length === most) break
    if (await isSo(place)) found.push(place)
  }
  return found
}
