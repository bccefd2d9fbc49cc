/** Whether contenders give the same answers, which is asked before anything is timed. */
import { readSafetensors } from 'jpegnet'
import { join } from 'node:path'
import { createModel, exportOnnx, paperResnet } from 'jpegnet'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { floatPixels } from './floatPixels.js'
import { fixtures } from './folders.js'
import { INPUT, OUTPUT } from '../../dist/export/onnx/twin.js'
import type { Contender } from './process.js'
import type { Prepared } from './prepare.js'

/** Pictures whose logits are compared. */
const COMPARED = 16

/** Largest error of a peer fed with the very pixels that our network is defined by: float32's, after a whole network. */
const SAME_PIXELS = 1e-3
/**
 * Largest error of a peer fed with a decoder's pixels. Those are rounded and clamped to 8 bits, half a grey level and more
 * off each; what a network makes of that is its own affair, so this only catches pictures or weights that are not the same.
 */
const SAME_FILES = 0.25

/** How far a peer's logits are from ours, as shares of the logits' spread. */
export interface Agreement {
  /** On the same files, each decoded by the side's own decoder. */
  files: number
  /** On the same floating-point pixels, of peers that take pixels. */
  pixels: number | undefined
}

/**
 * Compares every peer's logits with ours.
 *
 * @throws Error if one is further off than float32 or a decoder's rounding can explain
 */
export async function agreements(
  workload: Prepared,
  ours: Contender,
  peers: readonly Contender[],
): Promise<Map<string, Agreement>> {
  const { input, classes } = workload
  const count = Math.min(COMPARED, workload.files.length)
  const truth = await ours.tell({ type: 'logits', count })
  const pixels = await floatPixels(workload.files.slice(0, count), input)
  const compared = new Map<string, Agreement>()
  for (const peer of peers) {
    const ofFiles = error(await peer.tell({ type: 'logits', count }), truth, classes)
    const ofPixels = await peer.tell({ type: 'pixels', pixels, count })
    if (!ofPixels) {
      // Ours with a band: another function, whose distance is told and not judged.
      compared.set(peer.name, { files: ofFiles, pixels: undefined })
      continue
    }
    const agreement = { files: ofFiles, pixels: error(ofPixels, truth, classes) }
    const where = `${workload.title}: ${peer.name}`
    // Written so that a NaN fails.
    if (!(agreement.pixels <= SAME_PIXELS))
      throw new Error(disagreement(where, 'the same pixels', SAME_PIXELS, agreement.pixels))
    if (!(agreement.files <= SAME_FILES))
      throw new Error(disagreement(where, 'the same files', SAME_FILES, agreement.files))
    compared.set(peer.name, agreement)
  }
  return compared
}

function disagreement(where: string, of: string, expected: number, found: number): string {
  return `${where}: expected our logits of ${of} up to ${expected} of their spread, found an error of ${found}`
}

/**
 * The largest difference as a share of the logits' spread, which is how far any is from its class's mean over the
 * pictures: a constant that all pictures share hides no error.
 */
export function error(logits: Float32Array, truth: Float32Array, classes: number): number {
  if (logits.length !== truth.length) return NaN
  const pictures = truth.length / classes
  const means = Array.from({ length: classes }, (_, label) => {
    let sum = 0
    for (let picture = 0; picture < pictures; picture++) sum += truth[picture * classes + label] as number
    return sum / pictures
  })
  let [largest, spread] = [0, 0]
  truth.forEach((logit, at) => {
    largest = Math.max(largest, Math.abs((logits[at] as number) - logit))
    spread = Math.max(spread, Math.abs(logit - (means[at % classes] as number)))
  })
  return largest / spread
}

/**
 * Checks the exported graph against reference vectors that were made without this package: the paper's network in float64
 * on ten pictures.
 *
 * @throws Error if its logits are not the reference's
 */
export async function checkExport(): Promise<number> {
  const weights = await readSafetensors(join(fixtures, 'paper_resnet.safetensors'))
  const { tensors } = await readSafetensors(join(fixtures, 'paper_resnet_io.safetensors'))
  const vector = (name: string) =>
    tensors.find(tensor => tensor.name === name) ?? { values: new Float32Array(), shape: [] }
  const definition = paperResnet()
  using model = createModel(definition)
  await model.load(weights)
  const session = await InferenceSession.create(await exportOnnx(model))
  const { values, shape } = vector('input_rgb_normalised')
  const { [OUTPUT]: logits } = await session.run({ [INPUT]: new Tensor('float32', values, shape) })
  const found = error(logits?.data as Float32Array, vector('logits_15').values, model.classes)
  if (!(found <= SAME_PIXELS))
    throw new Error(disagreement('the exported graph', 'the reference vectors', SAME_PIXELS, found))
  return found
}
