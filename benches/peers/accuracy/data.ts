/** All of CIFAR-10: as files in memory for ours, as pixels in a file for the twin. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { jpegFiles, loadDataset, type Dataset, type InputDefinition, type LabelledFile } from 'jpegnet'
import { cached } from '../folders.js'
import { labelledPictures } from '../pictures.js'
import { writePixels } from '../train/prepare.js'

/** A part of the set, entropy-decoded. */
export interface Part {
  files: LabelledFile[]
  dataset: Dataset
  /** What the pictures are. */
  what: string
}

export async function part(name: 'train' | 'test', data: string): Promise<Part> {
  const { files, what } = await labelledPictures('cifar', name, join(data, 'data'), 'all')
  return { files, dataset: await loadDataset(jpegFiles(files)), what }
}

/** The pixels of a part, as {@link writePixels} writes them; made once. */
export async function pixelsOf(name: 'train' | 'test', { files }: Part, input: InputDefinition): Promise<string> {
  const path = join(await cached('accuracy'), `${name}-${files.length}.safetensors`)
  if (!existsSync(path)) await writePixels(path, files, input)
  return path
}
