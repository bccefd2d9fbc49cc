/** Files a second: spatial networks, which decode in the loop, against networks on coefficients. */
import { readFile } from 'node:fs/promises'
import { loadDataset } from '../data/dataset.js'
import { jpegImages, type LabelledFile, type LabelledImage } from '../data/images.js'
import { mismatch, ModelError } from '../errors.js'
import type { ModeOptions } from '../model/mode.js'
import { createModel, type Model } from '../model/model.js'
import { paperResnet } from '../models/paper.js'
import { adam } from '../train/optimizers.js'
import { constant } from '../train/schedules.js'
import { spread } from './data.js'
import type { Experiment, PartContext, Row, Settings } from './experiment.js'
import { startPyTorch, type PyTorch } from './pytorch.js'
import { alternating, type Work } from './rates.js'
import { throughputFindings } from './throughputFindings.js'
import { shapeFor } from './training.js'
import { onDecodedFiles } from './twin.js'

/** Sizes of a round, and rounds. */
const SIZES = { quick: { batch: 32, test: 4, train: 2, rounds: 2 }, full: { batch: 128, test: 8, train: 8, rounds: 7 } }

/** Batches that the images of a set are at least, so that a quick run of large ones has small batches. */
const LEAST_BATCHES = 12

/** Largest difference of logits of the same files, as a share of how far they lie apart: decoders round pixels to 8 bits. */
const SAME_LOGITS = 0.25

/** The same of the first step's losses. */
const SAME_LOSS = 0.05

/** How networks here are run: all frequencies, then few. */
const MODES: Readonly<Record<string, ModeOptions>> = {
  'all frequencies': { mode: 'exact' },
  'ASM, φ = 8': { mode: 'approximated', masking: 'asm', frequencies: 8 },
  'ASM, φ = 6': { mode: 'approximated', masking: 'asm', frequencies: 6 },
  'band-limited, φ = 8': { mode: 'band-limited', frequencies: 8 },
  'band-limited, φ = 6': { mode: 'band-limited', frequencies: 6 },
}

export const throughput: Experiment = {
  name: 'throughput',
  title: 'Files a second',
  needsData: true,
  parts: settings =>
    (['test', 'train'] as const).map(work => ({
      key: work,
      title: work === 'test' ? 'testing' : 'training',
      weight: work === 'test' ? 1 : 2,
      run: (context: PartContext) => measured(settings, work, context),
    })),
  findings: throughputFindings,
}

/** What all contenders are given. */
interface Task {
  images: readonly LabelledImage<Uint8Array>[]
  /** Numbers of the images of each batch. */
  batches: readonly (readonly number[])[]
  paths: readonly string[]
}

async function measured(settings: Settings, work: 'test' | 'train', context: PartContext): Promise<Row[]> {
  const sizes = settings.quick ? SIZES.quick : SIZES.full
  const batch = Math.min(sizes.batch, Math.ceil(settings.most / LEAST_BATCHES))
  const task = await taskOf(settings, batch, sizes[work])
  using dataset = await loadDataset(jpegImages(task.images))
  const shape = await shapeFor(dataset)
  using model = createModel(paperResnet(shape), { seed: 0, labels: dataset.classes })
  const notes: Row[] = []
  const works: Record<string, Work> = {}
  const pytorch = await startPyTorch(model, { files: task.paths, labels: [...dataset.labels] })
  if (typeof pytorch === 'string') notes.push({ work, note: pytorch })
  const models: Model[] = []
  try {
    if (work === 'test') {
      notes.push(...(await testers(works, model, task, pytorch)))
    } else {
      for (const [name, mode] of Object.entries(MODES)) {
        const own = createModel(paperResnet({ ...shape, ...mode }), { seed: 0 })
        models.push(own)
        Object.assign(works, trainers(name, own, task))
      }
      if (typeof pytorch !== 'string') await checkLoss(model, task, pytorch)
    }
    if (typeof pytorch !== 'string') {
      for (const decode of [true, false]) {
        works[`PyTorch ${pytorch.version} + Pillow|spatial|${decode ? LOOP : MEMORY}`] = async () =>
          (await pytorch.run({ work, decode, batches: task.batches })).seconds
      }
    }
    const rates = await alternating(works, { images: task.images.length, rounds: sizes.rounds, signal: context.signal })
    const rows = Object.entries(rates).map(([name, { median, least, most }]) => {
      const [by = '', network = '', decoding = ''] = name.split('|')
      return { work, by, network, decoding, imagesPerSecond: median, least, most, images: task.images.length }
    })
    return [...rows, ...notes]
  } finally {
    models.forEach(model => model.dispose())
    if (typeof pytorch !== 'string') await pytorch.end()
  }
}

/** Where time is taken: from the bytes of files, or from what is in memory. */
const LOOP = 'from files'
const MEMORY = 'from memory'

async function taskOf({ pictures: { train } }: Settings, batch: number, count: number): Promise<Task> {
  // As many as there are, again and again if they are few.
  const chosen = spread(train.length, batch * count)
  // Batches of all classes.
  const shuffled = chosen.map((_, index) => train[chosen[(index * 7919) % chosen.length] as number] as LabelledFile)
  const images = await Promise.all(
    shuffled.map(async ({ file, label }, index) => ({ jpeg: await readFile(file), label, name: `${index}: ${file}` })),
  )
  return {
    images,
    paths: shuffled.map(({ file }) => file),
    batches: Array.from({ length: count }, (_, at) => Array.from({ length: batch }, (_, index) => at * batch + index)),
  }
}

function jpegsOf({ images }: Task, numbers: readonly number[]): Uint8Array[] {
  return numbers.map(number => (images[number] as LabelledImage<Uint8Array>).jpeg)
}

/** Contenders of testing, whose answers are compared first; notes on those that are not installed. */
async function testers(
  works: Record<string, Work>,
  model: Model,
  task: Task,
  pytorch: PyTorch | string,
): Promise<Row[]> {
  const logits = async (numbers: readonly number[], mode: ModeOptions) => {
    const predictions = await model.predict(jpegsOf(task, numbers), { batchSize: numbers.length, ...mode })
    return predictions.flatMap(({ logits }) => logits)
  }
  const [first = []] = task.batches
  const truth = await logits(first, { mode: 'exact' })
  for (const [name, mode] of Object.entries(MODES)) {
    works[`jpegnet|${name}|${LOOP}`] = async () => {
      for (const numbers of task.batches) await logits(numbers, mode)
    }
  }
  if (typeof pytorch !== 'string') {
    const { first: found } = await pytorch.run({ work: 'test', decode: true, batches: [first], logits: true })
    checkLogits('PyTorch', found as number[], truth, model.classes)
  }
  try {
    const onPixels = await onDecodedFiles(model, 'throughput')
    checkLogits('onnxruntime-node', await onPixels(jpegsOf(task, first)), truth, model.classes)
    works[`sharp + onnxruntime-node|spatial|${LOOP}`] = async () => {
      for (const numbers of task.batches) await onPixels(jpegsOf(task, numbers))
    }
  } catch (error) {
    if (!(error instanceof ModelError && error.code === 'INVALID_OPTION')) throw error
    return [{ work: 'test', note: `sharp + onnxruntime-node is not compared: ${error.message}` }]
  }
  return []
}

/** An epoch of training, reading included and from a data set in memory. */
function trainers(name: string, model: Model, task: Task): Record<string, Work> {
  const source = jpegImages(task.images)
  const options = { epochs: 1, batchSize: task.batches[0]?.length, optimizer: adam(), schedule: constant() }
  return {
    [`jpegnet|${name}|${LOOP}`]: async () => {
      await model.fit(source, options)
    },
    [`jpegnet|${name}|${MEMORY}`]: async () => {
      using dataset = await loadDataset(source)
      const start = performance.now()
      await model.fit(dataset, options)
      return (performance.now() - start) / 1000
    },
  }
}

/** @throws ModelError `INTERNAL` if the spatial side's answers are not the same network's */
function checkLogits(side: string, found: ArrayLike<number>, truth: readonly number[], classes: number): void {
  const rows = truth.length / classes
  const means = Array.from({ length: classes }, (_, k) => {
    return (
      Array.from({ length: rows }, (_, row) => truth[row * classes + k] as number).reduce((a, b) => a + b, 0) / rows
    )
  })
  let [spread, error] = [0, 0]
  truth.forEach((value, at) => {
    spread = Math.max(spread, Math.abs(value - (means[at % classes] as number)))
    error = Math.max(error, Math.abs(value - (found[at] ?? NaN)))
  })
  if (error <= SAME_LOGITS * spread) return
  throw mismatch('INTERNAL', `${side}'s logits`, 'those of the same network here', `a difference of ${error}`)
}

/** @throws ModelError `INTERNAL` if the loss of PyTorch's first step is not that of the first step here */
async function checkLoss({ definition }: Model, task: Task, pytorch: PyTorch): Promise<void> {
  const [first = []] = task.batches
  const { first: theirs } = await pytorch.run({ work: 'train', decode: true, batches: [first] })
  using model = createModel(definition, { seed: 0 })
  const images = first.map(number => task.images[number] as LabelledImage<Uint8Array>)
  const { epochs } = await model.fit(jpegImages(images), { epochs: 1, batchSize: first.length, schedule: constant() })
  const ours = epochs[0]?.loss ?? NaN
  if (Math.abs(Number(theirs) - ours) <= SAME_LOSS * ours) return
  throw mismatch('INTERNAL', "PyTorch's first loss", `that of the same step here, ${ours}`, String(theirs))
}
