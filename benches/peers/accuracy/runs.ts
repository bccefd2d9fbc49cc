/** One training from the first epoch to the last, ours or the twin's. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createModel, runtimeInfo } from 'jpegnet'
import { lowerModel } from '../../../dist/model/graph.js'
import { Conversation, pythonLink } from '../conversation.js'
import { cached } from '../folders.js'
import { MODES, type Entry } from '../train/entries.js'
import { KEEPS_MEMORY, type Python } from '../train/process.js'
import { pixelsOf, type Part } from './data.js'
import { BATCH, DEFINITION, epochOf, options, type Course } from './schedule.js'

/** Steps whose losses ours and the twin's are compared by. */
const COMPARED = 5
/** Their largest relative difference: float32's, which grows from step to step (see train/curves.ts). */
const SAME = 1e-3

/** How an epoch went. */
export interface Epoch {
  entry: Entry
  seed: number
  /** Counted from 1. */
  epoch: number
  /** Mean over the epoch, each batch before its update; accuracy too. */
  loss: number
  accuracy: number
  /** After the epoch. */
  testAccuracy: number
  imagesPerSecond: number
}

/** A whole training. */
export interface Run {
  versions: Record<string, string>
  epochs: Epoch[]
  /** Losses of its first steps. */
  first: number[]
}

/** The two parts of the data. */
export interface Parts {
  train: Part
  test: Part
}

/** Trains this package's network in a mode, from files. */
export async function trainOurs(
  entry: Entry,
  { train, test }: Parts,
  course: Course,
  onEpoch: (epoch: Epoch) => void,
): Promise<Run> {
  if (entry.precision === 'float64') throw new Error('jpegnet: expected float32 or bfloat16, found float64')
  const { seed } = course
  using model = createModel(DEFINITION, { seed, ...MODES[entry.mode] })
  const run: Run = { versions: { jpegnet: `${runtimeInfo().version} (${runtimeInfo().isa})` }, epochs: [], first: [] }
  const settings = { ...options(course), storage: entry.precision, test: test.dataset }
  for await (const event of model.train(train.dataset, settings)) {
    if (event.type === 'step' && run.first.length < COMPARED) run.first.push(event.loss)
    if (event.type !== 'epoch') continue
    const { epoch, loss, accuracy, imagesPerSecond } = event
    const testAccuracy = event.test?.accuracy ?? NaN
    run.epochs.push({ entry, seed, epoch, loss, accuracy, testAccuracy, imagesPerSecond })
    onEpoch(run.epochs.at(-1) as Epoch)
  }
  return run
}

/** What the twin's process can be told. */
type TwinOrder =
  | {
      type: 'open'
      graph: string
      model: string
      optimizer: object
      threads: number
      /** Pixels of both parts. */
      train: string
      test: string
    }
  | { type: 'epoch'; numbers: number[]; rates: number[]; batch: number }
  | { type: 'test' }

/** What it answers, by the order's type. */
interface TwinAnswers {
  open: { versions: Record<string, string> }
  epoch: { losses: number[]; correct: number; seconds: number }
  test: { accuracy: number }
}

/** Trains the exact network's twin in PyTorch: the same weights, order, learning rates, and pixels as its definition has them. */
export async function trainTwin(
  entry: Entry,
  { train, test }: Parts,
  course: Course & { threads: number },
  python: Python,
  onEpoch: (epoch: Epoch) => void,
): Promise<Run> {
  const { seed, epochs, threads } = course
  const folder = await cached('accuracy')
  const [graph, weights] = [join(folder, 'paper.json'), join(folder, `paper-${seed}.safetensors`)]
  using model = createModel(DEFINITION, { seed })
  await model.save(weights)
  await writeFile(graph, JSON.stringify(lowerModel(DEFINITION)))
  const link = pythonLink(python.path, 'accuracy.pytorch', KEEPS_MEMORY)
  const twin = new Conversation<TwinOrder, TwinAnswers>('the twin in PyTorch', link)
  try {
    const { versions } = await twin.tell({
      type: 'open',
      graph,
      model: weights,
      optimizer: options(course).optimizer,
      threads,
      train: await pixelsOf('train', train, DEFINITION.input),
      test: await pixelsOf('test', test, DEFINITION.input),
    })
    const run: Run = { versions, epochs: [], first: [] }
    const images = train.files.length
    for (let epoch = 0; epoch < epochs; epoch++) {
      const order = epochOf(images, epoch, course)
      const { losses, correct, seconds } = await twin.tell({ type: 'epoch', batch: BATCH, ...order })
      if (epoch === 0) run.first = losses.slice(0, COMPARED)
      // The last batch of an epoch takes what is left.
      const sum = losses.reduce((sum, loss, step) => sum + loss * Math.min(BATCH, images - step * BATCH), 0)
      const { accuracy: testAccuracy } = await twin.tell({ type: 'test' })
      const trained = { loss: sum / images, accuracy: correct / images, imagesPerSecond: images / seconds }
      run.epochs.push({ entry, seed, epoch: epoch + 1, ...trained, testAccuracy })
      onEpoch(run.epochs.at(-1) as Epoch)
    }
    return run
  } finally {
    await twin.end()
  }
}

/** @throws Error if the first losses of two runs from the same weights are not the same */
export function expectSameStart(ours: Run, twin: Run): void {
  ours.first.forEach((loss, step) => {
    const other = twin.first[step] as number
    // Written so that a NaN fails.
    if (!(Math.abs(other / loss - 1) <= SAME)) {
      throw new Error(`the twin's step ${step + 1}: expected our loss of ${loss} up to ${SAME} of it, found ${other}`)
    }
  })
}
