import * as z from 'zod'
import { batches, cut } from '../data/batches.js'
import { checkedSource, checkMemory, Dataset, loadDataset, type DataEvent } from '../data/dataset.js'
import type { SkippedFile } from '../data/folder.js'
import { throwIfAborted } from '../data/iteration.js'
import type { JpegSource } from '../data/listing.js'
import type { WarnedFile } from '../data/reading.js'
import { memorySchema, type MemorySize } from '../data/memory.js'
import { checked } from '../options.js'
import { lowerView } from '../transforms/lower.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { labelsFor } from './labels.js'
import { completeMode, modeShape, type ModeOptions } from './mode.js'
import type { Model } from './model.js'
import { softmax } from './predict.js'

/** How far an evaluation has come: first with reading, then with classifying. */
export type EvaluateProgress = DataEvent | { type: 'evaluate'; done: number; total: number }

/** Options of an evaluation; a mode, if given, replaces the definition's. */
export interface EvaluateOptions extends ModeOptions {
  /** Pictures a call; 128 unless given. Answers depend on it by float32's rounding only. */
  batchSize?: number | undefined
  /** What is done to every picture; what the model's definition says unless given. */
  transform?: readonly Transform[] | undefined
  /** Most memory the pictures may take once they are read, as for {@link loadDataset}. */
  memory?: MemorySize | undefined
  /** Told how far reading and classifying have come. */
  onProgress?: ((progress: EvaluateProgress) => void) | undefined
  /** Ends the evaluation between two calls with an `ABORTED` error. */
  signal?: AbortSignal | undefined
}

/** Pictures a call unless an option says otherwise. */
export const EVALUATION_BATCH = 128

/** How well a model does on a set of pictures. */
export interface Evaluation {
  images: number
  correct: number
  accuracy: number
  /** Mean cross-entropy. */
  loss: number
  /** From files to answers; from memory if the pictures were already read. */
  imagesPerSecond: number
  /** Names of the classes: the model's, or the data's if the model has none. */
  labels: readonly string[]
  /** `confusion[is][said]`: how many pictures of one class were taken for another; in the order of the labels. */
  confusion: number[][]
  /** Files left out. */
  skipped: SkippedFile[]
  /** Files used in spite of doubts. */
  warned: WarnedFile[]
}

const optionsSchema = z.strictObject({
  ...modeShape,
  batchSize: z.int().min(1).optional(),
  transform: transformsSchema.optional(),
  memory: memorySchema.optional(),
  onProgress: z
    .custom<(progress: EvaluateProgress) => void>(value => typeof value === 'function', 'a function')
    .optional(),
  signal: z.instanceof(AbortSignal).optional(),
}) satisfies z.ZodType<EvaluateOptions>

/** Runs a model over pictures and counts. */
export async function evaluate(
  model: Model,
  data: JpegSource | Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const {
    batchSize = EVALUATION_BATCH,
    transform,
    memory,
    onProgress,
    signal,
    ...given
  } = checked(optionsSchema, options, 'evaluate')
  const mode = completeMode(given, model.definition, 'evaluate')
  const source = checkedSource(data, 'evaluate.data')
  checkMemory(memory, [data], 'evaluate')
  model.assertUsable()
  const start = performance.now()
  const view = lowerView(model.definition.input, transform ?? model.definition.input.transform ?? [])
  const dataset = source instanceof Dataset ? source : await loadDataset(source, { memory, onProgress, signal })
  try {
    const labels = labelsFor(model, dataset)
    const confusion = Array.from({ length: model.classes }, () => Array<number>(model.classes).fill(0))
    const images = dataset.length
    let [loss, correct] = [0, 0]
    let done = 0
    const order = Uint32Array.from({ length: images }, (_, index) => index)
    for await (const { indices, pictures } of batches(dataset, cut(order, batchSize), () => view)) {
      throwIfAborted(signal)
      const logits = await model.logits(pictures, mode)
      for (const [position, image] of indices.entries()) {
        const first = position * model.classes
        const row = Array.from(logits.subarray(first, first + model.classes))
        const label = labels[image] as number
        const said = row.indexOf(Math.max(...row))
        ;(confusion[label] as number[])[said]! += 1
        if (said === label) correct += 1
        loss -= Math.log(Math.max(softmax(row)[label] as number, Number.MIN_VALUE))
      }
      done += indices.length
      onProgress?.({ type: 'evaluate', done, total: images })
    }
    return {
      images,
      correct,
      accuracy: correct / images,
      loss: loss / images,
      imagesPerSecond: images / ((performance.now() - start) / 1000),
      labels: model.labels ?? dataset.classes,
      confusion,
      skipped: [...dataset.skipped],
      warned: [...dataset.warned],
    }
  } finally {
    if (dataset !== data) dataset.dispose()
  }
}
