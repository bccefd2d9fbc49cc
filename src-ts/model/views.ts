/** Images to classify, as a network reads them. */
import { badFiles } from '../data/dataset.js'
import { reading, type JpegReadOptions, type JpegWarning } from '../data/reading.js'
import { ModelError } from '../errors.js'
import { asError, lift, NativeJpegSet } from '../native/addon.js'
import { lowerView } from '../transforms/lower.js'
import type { Transform } from '../transforms/transform.js'
import type { InputDefinition } from './definition.js'

/** An image's name and, if it is not to be read from a file, its bytes. */
export interface NamedPicture {
  name: string
  jpeg: Uint8Array | undefined
  /** Why it has none and is no file. */
  error?: ModelError
}

/** How images are read and looked at. */
export interface ViewOptions extends JpegReadOptions {
  transform?: readonly Transform[] | undefined
}

/** What became of some images. */
export interface Views {
  /** The views, in native memory until it is disposed of. */
  set: NativeJpegSet
  /** For each image of which there is one, in the order given: its number in the set. */
  indices: Uint32Array
  /** For each of these, what was doubted of its file. */
  warnings: readonly (readonly JpegWarning[])[]
  /** Why the others gave none, by their position. */
  failures: ReadonlyMap<number, ModelError>
}

/**
 * Views of all images.
 *
 * @throws ModelError that of the bad files
 */
export async function viewsOfAll(
  input: InputDefinition,
  pictures: readonly NamedPicture[],
  options: ViewOptions,
): Promise<Views> {
  const views = await viewsOf(input, pictures, options)
  if (views.failures.size === 0) return views
  views.set.dispose()
  throw badFiles([...views.failures.values()])
}

/** Views of those images that give one. */
export async function viewsOf(
  input: InputDefinition,
  pictures: readonly NamedPicture[],
  options: ViewOptions,
): Promise<Views> {
  const { transform = input.transform ?? [], ...read } = options
  const files = new NativeJpegSet(reading(read))
  try {
    const { indices, failures } = await decoded(files, pictures)
    const doubts = (index: number) => (read.onError === 'use' ? lift(files.describe(index)).warnings : [])
    const warnings = Array.from(indices, doubts)
    const set = indices.length === 0 ? new NativeJpegSet() : lift(await files.view(lowerView(input, transform)))
    return { set, indices, warnings, failures }
  } catch (error) {
    if (!(error instanceof ModelError && error.code === 'SIZE_MISMATCH')) throw error
    return await withoutMisfits(input, pictures, options, error)
  } finally {
    files.dispose()
  }
}

/** Views where a transform does not fit an image: a set gives views of all its images or, with one error, of none. */
async function withoutMisfits(
  input: InputDefinition,
  pictures: readonly NamedPicture[],
  options: ViewOptions,
  error: ModelError,
): Promise<Views> {
  const none = { indices: new Uint32Array(), warnings: [] }
  if (pictures.length === 1) return { ...none, set: new NativeJpegSet(), failures: new Map([[0, error]]) }
  const failures = new Map<number, ModelError>()
  for (const [position, picture] of pictures.entries()) {
    const alone = await viewsOf(input, [picture], options)
    alone.set.dispose()
    for (const failure of alone.failures.values()) failures.set(position, failure)
  }
  // Only a file that changes meanwhile is no misfit alone.
  if (failures.size === 0) throw error
  const rest = pictures.filter((_, position) => !failures.has(position))
  return { ...(await viewsOfAll(input, rest, options)), failures }
}

/**
 * Decodes what lies in files and what lies in memory, each in one call; the number in the set of each that gave coefficients,
 * and why others gave none.
 */
async function decoded(set: NativeJpegSet, pictures: readonly NamedPicture[]) {
  const failures = new Map<number, ModelError>()
  for (const [position, { error }] of pictures.entries()) if (error) failures.set(position, error)
  const positions = Array.from(pictures.keys()).filter(position => !failures.has(position))
  const inFiles = positions.filter(position => !pictures[position]?.jpeg)
  const inMemory = positions.filter(position => pictures[position]?.jpeg)
  const names = (some: readonly number[]) => some.map(position => pictures[position]?.name as string)
  const bytes = inMemory.map(position => pictures[position]?.jpeg as Uint8Array)
  const none = { indices: [], failures: [] }
  const reports = [
    [inFiles, inFiles.length === 0 ? none : lift(await set.decodeFiles(names(inFiles)))],
    [inMemory, inMemory.length === 0 ? none : lift(await set.decodeBuffers(bytes, names(inMemory)))],
  ] as const
  const numbers = new Map<number, number>()
  for (const [some, report] of reports) {
    for (const { position, failure } of report.failures) failures.set(some[position] as number, asError(failure))
    for (const [at, index] of report.indices.entries()) if (index >= 0) numbers.set(some[at] as number, index)
  }
  const used = positions.filter(position => numbers.has(position))
  const byPosition = new Map([...failures].sort(([a], [b]) => a - b))
  return { indices: Uint32Array.from(used, position => numbers.get(position) as number), failures: byPosition }
}
