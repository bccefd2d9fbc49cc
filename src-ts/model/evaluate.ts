import { Dataset, readDataset, throwIfAborted, type DataEvent, type JpegSource } from '../data/dataset.js'
import type { SkippedFile } from '../data/folder.js'
import { mismatch } from '../errors.js'
import type { MaskingOptions } from '../layers/masking.js'
import type { Model } from './model.js'
import { softmax } from './predict.js'

/** Options of an evaluation; masking, if given, replaces the definition's in every nonlinearity. */
export interface EvaluateOptions extends MaskingOptions {
  /** Pictures a call; 128 unless given. Answers do not depend on it. */
  batchSize?: number | undefined
  /** Told how far reading and classifying have come. */
  onProgress?: ((progress: DataEvent | { type: 'evaluate'; done: number; total: number }) => void) | undefined
  signal?: AbortSignal | undefined
}

/** How well a model does on a set of pictures. */
export interface Evaluation {
  images: number
  correct: number
  accuracy: number
  /** Mean cross-entropy. */
  loss: number
  /** From files to answers; from memory if the pictures were already read. */
  imagesPerSecond: number
  /** `confusion[is][said]`: how many pictures of one class were taken for another; in the order of the model's labels. */
  confusion: number[][]
  /** Files left out. */
  skipped: SkippedFile[]
}

/** Runs a model over pictures and counts. */
export async function evaluate(
  model: Model,
  data: JpegSource | Dataset,
  { batchSize = 128, onProgress, signal, ...masking }: EvaluateOptions = {},
): Promise<Evaluation> {
  const start = performance.now()
  const dataset = data instanceof Dataset ? data : await read(data, onProgress, signal)
  try {
    const labels = labelsFor(model, dataset)
    const confusion = Array.from({ length: model.classes }, () => Array<number>(model.classes).fill(0))
    let loss = 0
    for (let from = 0; from < dataset.length; from += batchSize) {
      throwIfAborted(signal)
      const to = Math.min(from + batchSize, dataset.length)
      const logits = await model.logits(
        dataset,
        Uint32Array.from({ length: to - from }, (_, index) => from + index),
        masking,
      )
      for (let image = from; image < to; image++) {
        const row = Array.from(logits.subarray((image - from) * model.classes, (image - from + 1) * model.classes))
        const label = labels[image] as number
        const said = row.indexOf(Math.max(...row))
        ;(confusion[label] as number[])[said]! += 1
        loss -= Math.log(Math.max(softmax(row)[label] as number, Number.MIN_VALUE))
      }
      onProgress?.({ type: 'evaluate', done: to, total: dataset.length })
    }
    const correct = confusion.reduce((sum, row, label) => sum + (row[label] as number), 0)
    const images = dataset.length
    const imagesPerSecond = images / ((performance.now() - start) / 1000)
    const skipped = [...dataset.skipped]
    return { images, correct, accuracy: correct / images, loss: loss / images, imagesPerSecond, confusion, skipped }
  } finally {
    if (dataset !== data) dataset.dispose()
  }
}

async function read(source: JpegSource, onProgress: EvaluateOptions['onProgress'], signal: AbortSignal | undefined) {
  const reading = readDataset(source, signal)
  for (;;) {
    const { done, value } = await reading.next()
    if (done) return value
    onProgress?.(value)
  }
}

/**
 * The model's label of every picture: classes are matched by name.
 *
 * @throws ModelError `LABELS_MISMATCH` if the data has a class that the model does not know
 */
export function labelsFor(model: Model, dataset: Dataset): Uint32Array {
  const { labels } = model
  if (labels === undefined) {
    if (dataset.classes.length <= model.classes) return dataset.labels
    const found = `${dataset.classes.length} classes in the data`
    throw mismatch('LABELS_MISMATCH', 'classes', `at most the model's ${model.classes}`, found)
  }
  const numbers = dataset.classes.map(name => {
    const number = labels.indexOf(name)
    if (number >= 0) return number
    throw mismatch('LABELS_MISMATCH', 'classes', `those of the model (${some(labels)})`, `a class called ${name}`)
  })
  return dataset.labels.map(label => numbers[label] as number)
}

/** The first few of many names. */
export function some(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 12).join(', ')}, … ${names.length} in all` : names.join(', ')
}
