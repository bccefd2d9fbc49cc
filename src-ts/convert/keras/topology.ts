/** The layers of a Keras model, as TensorFlow.js stores them: `model.json` of its layers format. */
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { ModelError, mismatch } from '../../errors.js'
import { checked } from '../../options.js'

/** One layer, with the names of the layers it reads. */
export interface KerasLayer {
  name: string
  /** `Conv2D`, `BatchNormalization`, … */
  className: string
  config: Readonly<Record<string, unknown>>
  inputs: readonly string[]
}

/** A file of weights, in the order of its tensors. */
export interface WeightsGroup {
  paths: readonly string[]
  weights: readonly z.infer<typeof weightSchema>[]
}

/** What `model.json` says. */
export interface Topology {
  /** In an order in which every layer comes after those it reads. */
  layers: readonly KerasLayer[]
  /** The layer whose output is the model's. */
  output: string
  groups: readonly WeightsGroup[]
}

const quantizationSchema = z.object({
  dtype: z.enum(['uint8', 'uint16', 'float16']),
  scale: z.number().optional(),
  min: z.number().optional(),
})

const weightSchema = z.object({
  name: z.string().min(1),
  shape: z.array(z.int().min(0)).readonly(),
  dtype: z.string(),
  quantization: quantizationSchema.optional(),
})

const layerSchema = z.object({
  name: z.string().optional(),
  class_name: z.string(),
  config: z.record(z.string(), z.unknown()),
  inbound_nodes: z.array(z.unknown()).optional(),
})

const configSchema = z.object({
  class_name: z.string(),
  config: z.union([
    z.array(layerSchema),
    z.object({ layers: z.array(layerSchema), output_layers: z.array(z.unknown()).optional() }),
  ]),
})

const fileSchema = z.object({
  format: z.string().optional(),
  modelTopology: z.union([z.object({ model_config: configSchema }), configSchema], {
    error: 'the layers of a Keras model',
  }),
  weightsManifest: z.array(z.object({ paths: z.array(z.string()), weights: z.array(weightSchema) })),
})

/**
 * Reads `model.json`.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`; `INVALID_WEIGHTS` if it is not a layers model, or one of several inputs or
 * outputs
 */
export async function readTopology(path: string): Promise<Topology> {
  const json = await parsed(path)
  const format = (json as { format?: unknown } | null)?.format
  if (format !== undefined && format !== 'layers-model') {
    throw mismatch('INVALID_WEIGHTS', path, 'a layers model of TensorFlow.js', `one of the format ${String(format)}`)
  }
  const { modelTopology, weightsManifest } = checked(fileSchema, json, path, 'INVALID_WEIGHTS')
  const { class_name: kind, config } = 'model_config' in modelTopology ? modelTopology.model_config : modelTopology
  const given = Array.isArray(config) ? config : config.layers
  const isSequential = kind === 'Sequential'
  const layers = given.map(({ name, class_name: className, config, inbound_nodes: inbound }, index): KerasLayer => {
    const own = nameOf(name ?? config['name'], path)
    const before = given[index - 1]
    const inputs = isSequential
      ? before
        ? [nameOf(before.name ?? before.config['name'], path)]
        : []
      : inputsOf(inbound ?? [], `${path}: ${own}`)
    return { name: own, className, config, inputs }
  })
  const ordered = inOrder(layers, path)
  const output = outputOf(ordered, path)
  return { layers: ordered, output, groups: weightsManifest }
}

async function parsed(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw mismatch('FILE_NOT_FOUND', path, 'a file', 'none')
    throw new ModelError('FILE_UNREADABLE', `${path}: expected a readable file, found ${cause.message}`, {
      path,
      cause,
    })
  })
  try {
    return JSON.parse(text)
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause)
    throw new ModelError('INVALID_WEIGHTS', `${path}: expected JSON, found ${found}`, {
      path,
      expected: 'JSON',
      found,
      cause,
    })
  }
}

function nameOf(name: unknown, path: string): string {
  if (typeof name === 'string' && name !== '') return name
  throw mismatch('INVALID_WEIGHTS', path, 'layers with names', 'one without')
}

/** Names of the layers that a node reads: of Keras 2, `[[[name, node, tensor, {}], …]]`, or of Keras 3, tensors with a history. */
function inputsOf(inbound: readonly unknown[], where: string): string[] {
  if (inbound.length > 1)
    throw mismatch('INVALID_WEIGHTS', where, 'a layer used once', `one used ${inbound.length} times`)
  const found: string[] = []
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      const [name, node, tensor] = value as unknown[]
      if (typeof name === 'string' && typeof node === 'number' && typeof tensor === 'number') found.push(name)
      else value.forEach(visit)
    } else if (typeof value === 'object' && value !== null) {
      const history = (value as { keras_history?: unknown }).keras_history
      if (history === undefined) Object.values(value).forEach(visit)
      else visit(history)
    }
  }
  visit(inbound)
  return found
}

/** Layers after those they read. */
function inOrder(layers: readonly KerasLayer[], path: string): KerasLayer[] {
  const known = new Map(layers.map(layer => [layer.name, layer]))
  const ordered: KerasLayer[] = []
  const state = new Map<string, 'begun' | 'done'>()
  const visit = (name: string, reader: string): void => {
    const layer = known.get(name)
    if (!layer) throw mismatch('INVALID_WEIGHTS', `${path}: ${reader}`, 'a layer that reads others of the model', name)
    if (state.get(name) === 'done') return
    if (state.get(name) === 'begun') throw mismatch('INVALID_WEIGHTS', `${path}: ${name}`, 'no circle of layers', 'one')
    state.set(name, 'begun')
    layer.inputs.forEach(input => visit(input, name))
    state.set(name, 'done')
    ordered.push(layer)
  }
  layers.forEach(({ name }) => visit(name, name))
  return ordered
}

/** The one layer that no other reads. */
function outputOf(layers: readonly KerasLayer[], path: string): string {
  const read = new Set(layers.flatMap(({ inputs }) => inputs))
  const ends = layers.filter(({ name }) => !read.has(name))
  const [only] = ends
  if (only && ends.length === 1) return only.name
  throw mismatch('INVALID_WEIGHTS', path, 'a model of one output', ends.map(({ name }) => name).join(', ') || 'none')
}
