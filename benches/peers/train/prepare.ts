/** Makes what all sides start from: initial weights, the nodes of each mode, pictures as files and as pixels. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createModel, jpegFiles, loadDataset, writeSafetensors, type InputDefinition, type LabelledFile } from 'jpegnet'
import { lowerModel } from '../../../dist/model/graph.js'
import { floatPixels } from '../floatPixels.js'
import { cached } from '../folders.js'
import { labelledPictures } from '../pictures.js'
import { MODES, type ModeKey } from './entries.js'
import type { Descent, TrainWorkload } from './workloads.js'

/** Batches of different pictures; an epoch of all trainings here. */
export const BATCHES = 10
const SEED = 1

/** A workload whose files lie ready; plain data, so that it can be sent to another process. */
export interface TrainPrepared {
  name: string
  title: string
  batch: number
  optimizer: Descent
  input: InputDefinition
  /** Initial weights: safetensors, with the definition in its metadata. */
  model: string
  /** The nodes as JSON, of each mode. */
  graphs: Record<ModeKey, string>
  files: LabelledFile[]
  /** Safetensors with `pixels` `[files, 3, height, width]`, normalised and neither rounded nor clamped, and `labels` `[files]`. */
  pixels: string
  /** What the pictures are. */
  pictures: string
}

/** Prepares a workload. */
export async function prepareTraining(workload: TrainWorkload, data: string): Promise<TrainPrepared> {
  const { name, title, batch, optimizer, definition } = workload
  const { files, what } = await labelledPictures(workload.pictures, 'train', join(data, 'data'), BATCHES * batch)
  const folder = await cached('train')
  const path = (ending: string) => join(folder, `${name}${ending}`)
  const graphs = {} as Record<ModeKey, string>
  for (const mode of Object.keys(MODES) as ModeKey[]) {
    using model = createModel(definition, { seed: SEED, ...MODES[mode] })
    graphs[mode] = path(`.${mode}.json`)
    await writeFile(graphs[mode], JSON.stringify(lowerModel(model.definition)))
  }
  using model = createModel(definition, { seed: SEED })
  await model.save(path('.safetensors'))
  const { input } = definition
  await writePixels(path('.pixels.safetensors'), files, input)
  return {
    name,
    title,
    batch,
    optimizer,
    input,
    model: path('.safetensors'),
    graphs,
    files,
    pixels: path('.pixels.safetensors'),
    pictures: what,
  }
}

/** Writes pictures as a network's definition sees them, for peers that cannot read coefficients. */
export async function writePixels(path: string, files: readonly LabelledFile[], input: InputDefinition): Promise<void> {
  // Numbers of classes as a data set counts them.
  using dataset = await loadDataset(jpegFiles(files))
  const names = files.map(({ file }) => file)
  const shape = [files.length, input.channels, input.height, input.width]
  await writeSafetensors(path, {
    tensors: [
      { name: 'pixels', shape, values: await floatPixels(names, input) },
      { name: 'labels', shape: [files.length], values: Float32Array.from(dataset.labels) },
    ],
  })
}
