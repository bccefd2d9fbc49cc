/** A model as a file: safetensors with PyTorch's names, and everything else in its metadata. */
import * as z from 'zod'
import { ModelError, mismatch } from '../errors.js'
import { lift, runtimeInfo } from '../native/addon.js'
import { checked, shown } from '../options.js'
import { trainingStateSchema, type TrainingState } from '../train/checkpoint.js'
import { trainedSchema, type Trained } from '../train/trained.js'
import { readSafetensors, type Tensor } from '../weights/safetensors.js'
import { modelDefinitionSchema, type ModelDefinition } from './definition.js'

/** Version of the file format; files of others are refused. */
const VERSION = '1'

/**
 * The first version of this package that reads what this one writes: raised with whatever an older one would refuse or misread. Empty
 * tensors in place of those that answer came before any version was released, so that the first reads them.
 */
const READ_BY = '0.1.0'

const KEYS = {
  version: 'jpegnet.version',
  writtenBy: 'jpegnet.writtenBy',
  readBy: 'jpegnet.readBy',
  definition: 'jpegnet.definition',
  labels: 'jpegnet.labels',
  training: 'jpegnet.training',
  trained: 'jpegnet.trained',
} as const

/** What a file says about its model. */
export interface ModelMetadata {
  definition: ModelDefinition
  labels: readonly string[] | undefined
  training: TrainingState | undefined
  /** What its weights were trained on. */
  trained: Trained | undefined
}

const labelsSchema = z.array(z.string())

/**
 * What goes into the file beside the tensors: only what can be read again.
 *
 * @throws ModelError `INVALID_CHECKPOINT` if a part could not be, such as a number that is not finite
 */
export function toMetadata({ definition, labels, training, trained }: ModelMetadata): Record<string, string> {
  return {
    format: 'pt',
    [KEYS.version]: VERSION,
    [KEYS.writtenBy]: lift(runtimeInfo()).version,
    [KEYS.readBy]: READ_BY,
    [KEYS.definition]: JSON.stringify(definition),
    ...(labels && { [KEYS.labels]: readable(labelsSchema, labels, KEYS.labels) }),
    ...(training && { [KEYS.training]: readable(trainingStateSchema, training, KEYS.training) }),
    ...(trained && { [KEYS.trained]: readable(trainedSchema, trained, KEYS.trained) }),
  }
}

function readable<T>(schema: z.ZodType<T>, value: T, key: string): string {
  const text = JSON.stringify(value)
  parsed(schema, text, key)
  return text
}

/**
 * Reads a model's file.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, `INVALID_WEIGHTS`; `INVALID_CHECKPOINT` if it is not a model's or of
 * another version
 */
export async function readModelFile(path: string): Promise<ModelMetadata & { tensors: Tensor[] }> {
  const expected = 'a model that jpegnet saved'
  const { metadata, tensors } = await readSafetensors(path).catch((error: unknown) => {
    if (!(error instanceof ModelError) || error.expected !== 'a safetensors file') throw error
    const { code, found = '' } = error
    throw new ModelError(code, `${path}: expected ${expected}, found ${found}`, { path, expected, found, cause: error })
  })
  const version = metadata[KEYS.version]
  if (version === undefined) {
    const found = `weights without their network, which \`jpegnet convert ${path}\` makes a model of`
    throw mismatch('INVALID_CHECKPOINT', path, expected, found)
  }
  const { version: own } = lift(runtimeInfo())
  const { [KEYS.writtenBy]: writtenBy, [KEYS.readBy]: readBy } = metadata
  if (version !== VERSION || (readBy !== undefined && isNewer(readBy, own))) {
    const by = writtenBy === undefined ? '' : ` that jpegnet ${writtenBy} wrote`
    const needed = readBy === undefined ? '' : `, which jpegnet ${readBy} or newer reads (npm install jpegnet@latest)`
    const expected = `a model of format version ${VERSION}, for jpegnet ${own} or older`
    throw mismatch('INVALID_CHECKPOINT', path, expected, `one of format version ${version}${by}${needed}`)
  }
  const part = <T>(schema: z.ZodType<T>, key: string): T | undefined => {
    const text = metadata[key]
    return text === undefined ? undefined : parsed(schema, text, `${path}: ${key}`)
  }
  const definition = part(modelDefinitionSchema, KEYS.definition)
  if (!definition) throw mismatch('INVALID_CHECKPOINT', path, `metadata ${KEYS.definition}`, 'none')
  return {
    definition,
    labels: part(labelsSchema, KEYS.labels),
    training: part(trainingStateSchema, KEYS.training),
    trained: part(trainedSchema, KEYS.trained),
    tensors,
  }
}

/** Whether a version `major.minor.patch` comes after another. */
function isNewer(version: string, than: string): boolean {
  const parts = (text: string) => text.split('-')[0]?.split('.').map(Number) ?? []
  const [one, other] = [parts(version), parts(than)]
  const at = one.findIndex((part, index) => part !== (other[index] ?? 0))
  return at >= 0 && (one[at] as number) > (other[at] ?? 0)
}

function parsed<T>(schema: z.ZodType<T>, text: string, where: string): T {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw mismatch('INVALID_CHECKPOINT', where, 'JSON', shown(text))
  }
  return checked(schema, value, where, 'INVALID_CHECKPOINT')
}
