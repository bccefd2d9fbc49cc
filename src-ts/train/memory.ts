/** What a training will take of memory: computed before its first step, compared with what there is, and what would fit. */
import { bytesOf, type MemorySize } from '../data/memory.js'
import { ModelError } from '../errors.js'
import { EVALUATION_BATCH } from '../model/evaluate.js'
import type { ModelDefinition } from '../model/definition.js'
import { Network } from '../model/network.js'
import { bytesText } from '../numbers.js'
import { availableBytes } from './available.js'
import { bestRule } from './best.js'
import type { TrainSettings } from './settings.js'
import { picturesOfStep, updates } from './update.js'

/** Bytes of native memory that a training takes, beside its data sets. */
export interface TrainingMemory {
  /** Weights, biases and running statistics. */
  weights: number
  /** Their gradients; twice if a step has more than one batch. */
  gradients: number
  /** What the optimizer remembers of them. */
  optimizer: number
  /** Other sets of weights that are kept: the average, the best. */
  copies: number
  /** Maps of a batch and their gradients, masks, packed filters, sums, scratch of every thread. */
  maps: number
  /** The same of the tests after each epoch. */
  test: number
  /** The images of two steps, as pixels: one is at work while the next is made. */
  pictures: number
  /** All tensors once more, while a checkpoint is written. */
  saving: number
  /** All of it. */
  total: number
}

/** Images of a step, as many as the engine counts. */
const MOST = 2 ** 31 - 1

/** How many images a training has. */
export interface TrainingSize {
  images: number
  /** Of the test set; 0 if there is none. */
  tested: number
}

/** What a training of a network with these settings takes. */
export async function trainingMemory(
  network: Network,
  settings: TrainSettings,
  { images, tested }: TrainingSize,
): Promise<TrainingMemory> {
  const update = updates(network.nodes, settings)(1)
  const ofStep = Math.min(picturesOfStep(settings), images, MOST)
  const ofTest = Math.min(EVALUATION_BATCH, tested)
  const planned = { images: ofStep, tested: ofTest, keepsBest: bestRule(settings)?.keep ?? false }
  const memory = await network.plannedMemory(update, planned)
  const { input } = network.definition
  const picture = Float32Array.BYTES_PER_ELEMENT * input.channels * input.height * input.width
  const parts = { ...memory, pictures: 2 * Math.max(ofStep, ofTest) * picture }
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) }
}

/**
 * Refuses a training that would not fit in memory before its first step, with settings that would.
 *
 * @throws ModelError `OUT_OF_MEMORY`
 */
export async function checkAvailable(
  network: Network,
  settings: TrainSettings,
  { availableMemory, ...size }: TrainingSize & { availableMemory: MemorySize | undefined },
): Promise<void> {
  // What the network holds already is not taken again.
  const available = (bytesOf(availableMemory) ?? (await availableBytes())) + network.bytes
  const { definition } = network
  const needed = await trainingMemory(new Network(definition, 0), settings, size)
  if (needed.total <= available) return
  const fitting = await settingsThatFit(definition, settings, size, available)
  const { batchSize, storage } = settings
  const { width, height } = definition.input
  const what = `batches of ${batchSize} images of ${width}×${height}, ${storage}`
  const [expected, found] = [`at most ${bytesText(available)}`, `${bytesText(needed.total)} (${partsText(needed)})`]
  const advice = fitting.length > 0 ? `what would fit: ${fitting.join('; ')}` : 'no batch of this network would fit'
  const message = `memory: expected a training that takes ${expected}, found one that takes ${found} by ${what}; ${advice}`
  throw new ModelError('OUT_OF_MEMORY', message, { path: 'memory', expected, found })
}

/** The largest parts of it, in words. */
function partsText({ weights, gradients, optimizer, copies, maps, test, pictures, saving }: TrainingMemory): string {
  const parts = [
    ['feature maps', maps],
    ['images', pictures],
    ['weights and what belongs to them', weights + gradients + optimizer + copies + saving],
    ['tests', test],
  ] as const
  const shown = parts.filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a)
  return shown.map(([name, bytes]) => `${name} ${bytesText(bytes)}`).join(', ')
}

/** Settings that would fit, each with one thing changed, or two if one is not enough; as words. */
async function settingsThatFit(
  definition: ModelDefinition,
  settings: TrainSettings,
  size: TrainingSize,
  available: number,
): Promise<string[]> {
  const fits = async (network: Network, changed: Partial<TrainSettings>) =>
    (await trainingMemory(network, { ...settings, ...changed }, size)).total <= available
  const network = new Network(definition, 0)
  const found: string[] = []
  const storages = settings.storage === 'float32' ? (['float32', 'bfloat16'] as const) : (['bfloat16'] as const)
  for (const storage of storages) {
    const batchSize = await largest(settings.batchSize, batchSize => fits(network, { storage, batchSize }))
    if (batchSize === 0) continue
    const parts = [
      ...(batchSize < settings.batchSize ? [batchText(batchSize, settings)] : []),
      ...(storage === settings.storage ? [] : [`storage ${storage}`]),
    ]
    found.push(parts.join(' with '))
  }
  const smaller = await sizeThatFits(definition, network => fits(network, {}))
  return smaller === undefined ? found : [...found, `images of ${smaller}`]
}

/** A smaller batch, and how an update is made of as many images all the same. */
function batchText(batchSize: number, settings: TrainSettings): string {
  const batches = Math.round(picturesOfStep(settings) / batchSize)
  return `a batch size of ${batchSize}${batches > 1 ? ` (accumulate ${batches} for updates by as many images)` : ''}`
}

/** The largest whole number up to `most` that will do, if all smaller ones do too; 0 if none does. */
async function largest(most: number, willDo: (number: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [0, most]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (await willDo(middle)) low = middle
    else high = middle - 1
  }
  return low
}

/** Shares of a network's sides that are tried. */
const SMALLER = [0.875, 0.75, 0.625, 0.5, 0.375, 0.25]

/** Pixels that sides are whole multiples of. */
const MULTIPLE = 8

/** The largest of some smaller sizes of images that fits, if the network can be of another size. */
async function sizeThatFits(
  definition: ModelDefinition,
  fits: (network: Network) => Promise<boolean>,
): Promise<string | undefined> {
  for (const share of SMALLER) {
    const side = (pixels: number) => MULTIPLE * Math.max(1, Math.round((share * pixels) / MULTIPLE))
    const [width, height] = [side(definition.input.width), side(definition.input.height)]
    const smaller = { ...definition, input: { ...definition.input, width, height } }
    try {
      if (await fits(new Network(smaller, 0))) return `${width}×${height}`
    } catch (error) {
      // Not every network can be of another size.
      if (!(error instanceof ModelError)) throw error
      return undefined
    }
  }
  return undefined
}
