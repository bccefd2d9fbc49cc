/** What the quality of the files does to accuracy and speed, in the spatial domain and here. */
import type { LabelledImage } from '../data/images.js'
import { jpegImages } from '../data/images.js'
import { linesChart } from '../report/charts.js'
import type { Model } from '../model/model.js'
import { throwIfAborted } from '../data/iteration.js'
import type { Experiment, Findings, PartContext, Row, Settings } from './experiment.js'
import { alternating } from './rates.js'
import { requantisedImages, requantisedSet } from './requantise.js'
import { meanOf, valuesOf, where } from './rows.js'
import { trainedNetwork } from './training.js'
import { onDecodedFiles } from './twin.js'

const QUALITIES = { quick: [50, 95], full: [30, 50, 70, 85, 95] }

const BATCH = 128

/** Files whose answers are timed, in each of some rounds. */
const TIMED = { quick: { files: 128, rounds: 2 }, full: { files: 1024, rounds: 5 } }

export const quality: Experiment = {
  name: 'quality',
  title: 'What the quality of files does',
  needsData: true,
  needsPackages: ['onnxruntime-node', 'sharp'],
  parts: settings => {
    const qualities = settings.quick ? QUALITIES.quick : QUALITIES.full
    return [
      ...Array.from({ length: settings.seeds }, (_, seed) =>
        qualities.map(quality => ({
          key: `accuracy-${quality}-${seed}`,
          title: `accuracy at quality ${quality}, seed ${seed + 1}`,
          weight: 10,
          run: (context: PartContext) => accuracies(settings, { quality, seed }, context),
        })),
      ).flat(),
      ...qualities.map(quality => ({
        key: `speed-${quality}`,
        title: `speed at quality ${quality}`,
        weight: 1,
        run: (context: PartContext) => rates(settings, quality, context),
      })),
    ]
  },
  findings,
}

/** The network that learned from files of a quality. */
function networkOf(settings: Settings, quality: number, seed: number, context: PartContext): Promise<Model> {
  const pictures = () => requantisedSet(settings, { set: 'train', quality }, context)
  return trainedNetwork(settings, { name: `quality-${quality}-${seed}`, seed, pictures }, context)
}

/** Right answers of one network on coefficients and on decoded pixels. */
async function accuracies(
  settings: Settings,
  { quality, seed }: { quality: number; seed: number },
  context: PartContext,
): Promise<Row[]> {
  using model = await networkOf(settings, quality, seed, context)
  const onPixels = await onDecodedFiles(model, 'quality')
  const images = await requantisedImages(settings, { set: 'test', quality }, context)
  const { accuracy } = await model.evaluate(jpegImages(images), { signal: context.signal })
  const bytesOfFile = images.reduce((sum, { jpeg }) => sum + jpeg.length, 0) / images.length
  const spatialAccuracy = await accuracyOnPixels(model, onPixels, images, context)
  return [{ seed: seed + 1, quality, images: images.length, bytesOfFile, accuracy, spatialAccuracy }]
}

/** Files a second of both, from bytes to answers. */
async function rates(settings: Settings, quality: number, context: PartContext): Promise<Row[]> {
  using model = await networkOf(settings, quality, 0, context)
  const onPixels = await onDecodedFiles(model, 'quality')
  const { files, rounds } = settings.quick ? TIMED.quick : TIMED.full
  const images = await requantisedImages(settings, { set: 'test', quality, most: files }, context)
  const batches = batchesOf(images)
  const pass = (logits: (files: readonly Uint8Array[]) => Promise<unknown>) => async () => {
    for (const batch of batches) await logits(batch.map(({ jpeg }) => jpeg))
  }
  const found = await alternating(
    { spatial: pass(onPixels), here: pass(files => model.predict(files, { batchSize: files.length })) },
    { images: images.length, rounds, signal: context.signal },
  )
  return [
    {
      quality,
      images: images.length,
      imagesPerSecond: found.here.median,
      spatialImagesPerSecond: found.spatial.median,
    },
  ]
}

function batchesOf(images: readonly LabelledImage<Uint8Array>[]): LabelledImage<Uint8Array>[][] {
  return Array.from({ length: Math.ceil(images.length / BATCH) }, (_, number) =>
    images.slice(number * BATCH, (number + 1) * BATCH),
  )
}

/** Right answers of the same network on the pixels that a decoder makes of the files. */
async function accuracyOnPixels(
  { classes, labels }: Model,
  logits: (files: readonly Uint8Array[]) => Promise<Float32Array>,
  images: readonly LabelledImage<Uint8Array>[],
  context: PartContext,
): Promise<number> {
  let right = 0
  for (const batch of batchesOf(images)) {
    throwIfAborted(context.signal)
    const all = await logits(batch.map(({ jpeg }) => jpeg))
    for (const [position, { label }] of batch.entries()) {
      const row = all.subarray(position * classes, (position + 1) * classes)
      if (labels?.[row.indexOf(Math.max(...row))] === label) right += 1
    }
  }
  return right / images.length
}

function findings(rows: readonly Row[]): Findings {
  const qualities = valuesOf<number>(rows, 'quality')
  const at = (quality: number, column: string) => meanOf(where(rows, { quality }), column)
  const curve = (name: string, column: string, factor = 1) => ({
    name,
    points: qualities.map(x => ({ x, y: factor * at(x, column) })),
  })
  const both = rows.filter(row => 'accuracy' in row)
  const apart = Math.max(...both.map(row => Math.abs(Number(row['accuracy']) - Number(row['spatialAccuracy']))))
  return {
    text: [
      'The files are requantised to each quality, the paper’s network learns from those for training and is asked about those for testing: here on their coefficients, and as a spatial network on pixels that sharp decodes to 8 bits, run by ONNX Runtime. The weights are the same.',
      `Accuracies of the two differ by at most ${(100 * apart).toFixed(2)} %, which is the decoder's rounding and clamping. Rates are from bytes to answers, batches of ${BATCH}, rounds that alternate, medians.`,
    ],
    figures: [
      {
        name: 'accuracy',
        caption: 'Test accuracy against the quality of the files',
        svg: linesChart('test accuracy against quality', { x: 'quality', y: 'accuracy, %', differences: true }, [
          curve('coefficients', 'accuracy', 100),
          curve('8-bit pixels', 'spatialAccuracy', 100),
        ]),
      },
      {
        name: 'speed',
        caption: 'Files a second, from bytes to answers',
        svg: linesChart('files a second against quality', { x: 'quality', y: 'files a second' }, [
          curve('coefficients', 'imagesPerSecond'),
          curve('decoded pixels', 'spatialImagesPerSecond'),
        ]),
      },
    ],
    tables: [
      {
        caption: 'Means over the seeds',
        head: ['quality', 'bytes of file', 'accuracy, %', 'on pixels, %', 'files a second', 'on pixels', 'times'],
        rows: qualities.map(quality => [
          quality,
          at(quality, 'bytesOfFile').toFixed(0),
          (100 * at(quality, 'accuracy')).toFixed(2),
          (100 * at(quality, 'spatialAccuracy')).toFixed(2),
          at(quality, 'imagesPerSecond').toFixed(0),
          at(quality, 'spatialImagesPerSecond').toFixed(0),
          (at(quality, 'imagesPerSecond') / at(quality, 'spatialImagesPerSecond')).toFixed(1),
        ]),
      },
    ],
  }
}
