/** Makes what both sides load: one set of weights, as our model's file and as an ONNX file of its spatial twin. */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createModel,
  jpegFiles,
  readSafetensors,
  sgd,
  type InputDefinition,
  type Model,
  exportOnnx,
  type ModelDefinition,
} from 'jpegnet'
import { lowerModel } from '../../dist/model/graph.js'
import { cached, fixtures } from './folders.js'
import { pictures } from './pictures.js'
import type { Workload } from './workloads.js'

/** Pictures whose statistics batch norm gets where weights are drawn. */
const CALIBRATION = 8
const SEED = 1

/** A workload whose files lie ready; plain data, so that it can be sent to another process. */
export interface Prepared {
  name: string
  title: string
  batches: readonly number[]
  input: InputDefinition
  classes: number
  /** Our model: safetensors, with the definition in its metadata. */
  model: string
  /** The twin for onnxruntime. */
  onnx: string
  /** The nodes as JSON, for peers that read neither. */
  graph: string
  files: string[]
  /** What the pictures and the weights are. */
  pictures: string
  weights: string
}

/** Prepares a workload. */
export async function prepare(workload: Workload, data: string): Promise<Prepared> {
  const { definition } = workload
  const { files, what } = await pictures(workload.pictures, join(data, 'data'))
  const file =
    workload.weights &&
    join(workload.weights.folder === 'fixtures' ? fixtures : join(data, 'weights'), workload.weights.file)
  const trained = file !== undefined && existsSync(file)
  using model = trained ? await loaded(definition, file) : await drawn(definition, files.slice(0, CALIBRATION))
  const { name, title, batches } = workload
  return await stored(model, { name, title, batches, files, pictures: what, weights: trained ? 'trained' : 'drawn' })
}

/** Writes a model in every form. */
export async function stored(
  model: Model,
  told: Pick<Prepared, 'name' | 'title' | 'batches' | 'files' | 'pictures' | 'weights'>,
): Promise<Prepared> {
  const folder = await cached('models')
  const path = (extension: string) => join(folder, `${told.name}.${extension}`)
  const graph = lowerModel(model.definition)
  const prepared: Prepared = {
    ...told,
    input: model.definition.input,
    classes: model.classes,
    model: path('safetensors'),
    onnx: path('onnx'),
    graph: path('json'),
  }
  await model.save(prepared.model)
  await exportOnnx(model, { file: prepared.onnx })
  await writeFile(prepared.graph, JSON.stringify(graph))
  await writeFile(path('workload.json'), JSON.stringify(prepared))
  return prepared
}

async function loaded(definition: ModelDefinition, file: string): Promise<Model> {
  const model = createModel(definition, { seed: SEED })
  const { missing, unused, mismatched } = await model.load(await readSafetensors(file))
  const wrong = [...missing, ...unused, ...mismatched.map(({ name }) => name)]
  if (wrong.length > 0)
    throw new Error(`${file}: expected the weights of ${definition.name}, found others at ${wrong[0]}`)
  return model
}

/**
 * Initial weights, and running statistics of real pictures: without them activations would vanish, and a comparison of
 * logits would show nothing. A batch norm of momentum 1 takes over a batch's statistics in one step.
 */
async function drawn(definition: ModelDefinition, files: string[]): Promise<Model> {
  // Each picture is a class of its own, because a data set must have pictures of all classes; the head is not taken over.
  const replaced: Record<string, number> = { momentum: 1, features: files.length }
  const other = JSON.parse(
    JSON.stringify(definition),
    (key, value: unknown) => replaced[key] ?? value,
  ) as ModelDefinition
  using calibrated = createModel(other, { seed: SEED })
  const source = jpegFiles(files.map((file, index) => ({ file, label: String(index) })))
  await calibrated.fit(source, { epochs: 1, batchSize: files.length, optimizer: sgd({ learningRate: 1e-9 }) })
  const model = createModel(definition, { seed: SEED })
  await model.load(await calibrated.parameters())
  return model
}
