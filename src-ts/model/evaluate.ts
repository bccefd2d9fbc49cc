import * as z from 'zod'
import { batches, cut } from '../data/batches.js'
import { checkedSource, checkMemory, Dataset, loadDataset, type DataEvent } from '../data/dataset.js'
import type { SkippedFile } from '../data/folder.js'
import { throwIfAborted } from '../data/iteration.js'
import type { JpegSource } from '../data/listing.js'
import { memorySchema, type MemorySize } from '../data/memory.js'
import { aFunction, abortSignal, checked } from '../options.js'
import { lowerView } from '../transforms/lower.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import type { Evaluation, PictureResult } from './evaluation.js'
import { testedPictures, type OnUnknownClass } from './labels.js'
import { completeMode, modeShape, type ModeOptions } from './mode.js'
import type { Network } from './network.js'
import { softmax } from './predict.js'
import { classScores, macroScores, mistakesOf } from './scores.js'

/** Progress of an evaluation: first of reading, then of classifying. */
export type EvaluateProgress = DataEvent | { type: 'evaluate'; done: number; total: number }

/** Options of an evaluation; a mode, if given, replaces the definition's. */
export interface EvaluateOptions extends ModeOptions {
  /** Images in a batch; 128 by default. It changes results only by float32 rounding. */
  batchSize?: number | undefined
  /** Transforms of every image; the model's definition's by default. */
  transform?: readonly Transform[] | undefined
  /** What happens to images of classes that the model does not have: `error` (default), or `skip` to leave them out. */
  unknownClasses?: OnUnknownClass | undefined
  /** How many wrong predictions to list; 12 by default. */
  worst?: number | undefined
  /** Most memory the images may take once they are read, as for {@link loadDataset}. */
  memory?: MemorySize | undefined
  /** Called with the result for each image, in the order of the data, and awaited if it returns a promise. */
  onPicture?: ((result: PictureResult) => void | Promise<void>) | undefined
  /** Called with the progress of reading and classifying. */
  onProgress?: ((progress: EvaluateProgress) => void) | undefined
  /** Ends the evaluation between two batches with an `ABORTED` error. */
  signal?: AbortSignal | undefined
}

/** Images in a batch unless an option says otherwise. */
export const EVALUATION_BATCH = 128

const optionsSchema = z.strictObject({
  ...modeShape,
  batchSize: z.int().min(1).optional(),
  transform: transformsSchema.optional(),
  unknownClasses: z.enum(['error', 'skip']).optional(),
  worst: z.int().min(0).optional(),
  memory: memorySchema.optional(),
  onPicture: aFunction<(result: PictureResult) => void | Promise<void>>().optional(),
  onProgress: aFunction<(progress: EvaluateProgress) => void>().optional(),
  signal: abortSignal.optional(),
}) satisfies z.ZodType<EvaluateOptions>

/**
 * Runs a network over images and counts.
 *
 * @param stored what stands for the images, if their features are known
 */
export async function evaluate(
  network: Network,
  data: JpegSource | Dataset,
  options: EvaluateOptions = {},
  stored?: Pick<Dataset, 'batch'>,
): Promise<Evaluation> {
  const {
    batchSize = EVALUATION_BATCH,
    transform,
    unknownClasses = 'error',
    worst = 12,
    memory,
    onPicture,
    onProgress,
    signal,
    ...given
  } = checked(optionsSchema, options, 'evaluate')
  const mode = completeMode(given, network.definition, 'evaluate')
  const source = checkedSource(data, 'evaluate.data')
  checkMemory(memory, [data], 'evaluate')
  network.assertUsable()
  const start = performance.now()
  const view = lowerView(network.definition.input, transform ?? network.definition.input.transform ?? [])
  const read = source instanceof Dataset ? source : await loadDataset(source, { memory, onProgress, signal })
  let dataset = read
  try {
    dataset = read.fitting(view)
    const { indices: tested, labels: classes, leftOut } = testedPictures(network, dataset, unknownClasses)
    const labels = network.labels ?? dataset.classes
    const result = (file: string, { index, label, said, probability, labelProbability }: Answer): PictureResult => {
      return {
        file,
        index,
        label: labels[label] as string,
        said: labels[said] as string,
        probability,
        labelProbability,
      }
    }
    const count = new Count(network.classes, worst)
    const labelOf = new Uint32Array(dataset.length)
    tested.forEach((index, at) => (labelOf[index] = classes[at] as number))
    const lostFiles: SkippedFile[] = []
    let [done, images] = [0, 0]
    for await (const { indices, pictures, lost, asked } of batches(
      stored ?? dataset,
      cut(tested, batchSize),
      () => view,
    )) {
      throwIfAborted(signal)
      const logits = await network.logits(pictures, mode)
      for (const [position, index] of indices.entries()) {
        const row = Array.from(logits.subarray(position * network.classes, (position + 1) * network.classes))
        const answer = answerOf(row, index, labelOf[index] as number)
        count.add(answer)
        if (onPicture) await onPicture(result(dataset.files[index] as string, answer))
      }
      lostFiles.push(...lost)
      images += indices.length
      done += asked
      onProgress?.({ type: 'evaluate', done, total: tested.length })
    }
    const { confusion, correct, inTop, loss } = count
    const perClass = classScores(confusion, labels)
    const files = dataset.filesOf(count.worst.map(({ index }) => index))
    return {
      images,
      correct,
      accuracy: correct / images,
      ...(network.classes > TOP && { top5: { correct: inTop, accuracy: inTop / images } }),
      loss: loss / images,
      imagesPerSecond: images / ((performance.now() - start) / 1000),
      labels,
      perClass,
      macro: macroScores(perClass),
      confusion,
      mistakes: mistakesOf(confusion, labels).slice(0, MISTAKES),
      worst: count.worst.map((answer, at) => result(files[at] as string, answer)),
      missing: perClass.filter(({ images }) => images === 0).map(({ label }) => label),
      leftOut,
      skipped: [...dataset.skipped, ...lostFiles],
      warned: [...dataset.warned],
    }
  } finally {
    if (dataset !== read) dataset.dispose()
    if (read !== data) read.dispose()
  }
}

/** How many kinds of mistakes are told. */
const MISTAKES = 20

/** Of how many of the most probable classes one may be the right one to count as among the top. */
const TOP = 5

/** What was said of an image, by numbers of classes. */
interface Answer {
  index: number
  label: number
  said: number
  /** Of what was said. */
  probability: number
  labelProbability: number
  /** How many classes were taken to be more probable than its own. */
  likelier: number
}

function answerOf(logits: readonly number[], index: number, label: number): Answer {
  const probabilities = softmax(logits)
  const said = logits.indexOf(Math.max(...logits))
  const own = logits[label] as number
  // Of classes that are as likely as its own, those before it are among the likelier, as what is said is the first of all.
  const likelier = logits.filter((logit, other) => logit > own || (logit === own && other < label)).length
  return {
    index,
    label,
    said,
    probability: probabilities[said] as number,
    labelProbability: probabilities[label] as number,
    likelier,
  }
}

/** What answers come to, in memory that does not grow with them. */
class Count {
  readonly confusion: number[][]
  correct = 0
  inTop = 0
  /** The sum of all losses. */
  loss = 0
  /** Wrong answers, the most confident first. */
  readonly worst: Answer[] = []
  readonly #most: number

  constructor(classes: number, worst: number) {
    this.confusion = Array.from({ length: classes }, () => Array<number>(classes).fill(0))
    this.#most = worst
  }

  add(answer: Answer): void {
    const { label, said, labelProbability, likelier } = answer
    ;(this.confusion[label] as number[])[said]! += 1
    this.loss -= Math.log(Math.max(labelProbability, Number.MIN_VALUE))
    if (likelier < TOP) this.inTop += 1
    if (said === label) this.correct += 1
    else this.#keepIfWorse(answer)
  }

  #keepIfWorse(answer: Answer): void {
    const { worst } = this
    const least = worst.at(-1)
    if (worst.length >= this.#most && !(least && answer.probability > least.probability)) return
    const at = worst.findIndex(({ probability }) => answer.probability > probability)
    worst.splice(at < 0 ? worst.length : at, 0, answer)
    if (worst.length > this.#most) worst.pop()
  }
}
