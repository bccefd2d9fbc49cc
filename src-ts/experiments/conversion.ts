/** Networks on pixels, before their conversion and after: the same answers. */
import { join } from 'node:path'
import { convertModel } from '../convert/convert.js'
import { batches, cut } from '../data/batches.js'
import type { Model } from '../model/model.js'
import { lift } from '../native/addon.js'
import { lowerView } from '../transforms/lower.js'
import { mixup } from '../transforms/mixing.js'
import { writeSafetensors } from '../weights/safetensors.js'
import { picturesOf } from './data.js'
import type { Experiment, PartContext, Row, Settings } from './experiment.js'
import { PUBLISHED_CONVERSIONS } from './published.js'
import { meanOf } from './rows.js'
import { trainedNetwork } from './training.js'
import { inOnnxRuntime } from './twin.js'

const BATCH = 128

export const conversion: Experiment = {
  name: 'conversion',
  title: 'Before conversion and after',
  needsData: true,
  parts: settings =>
    Array.from({ length: settings.seeds }, (_, seed) => [
      {
        key: `train-${seed}`,
        title: `training, seed ${seed + 1}`,
        weight: 10,
        run: async (context: PartContext) => {
          using _ = await trainedNetwork(settings, { name: `paper-${seed}`, seed }, context)
          return []
        },
      },
      {
        key: `compare-${seed}`,
        title: `pixels and coefficients, seed ${seed + 1}`,
        weight: 1,
        run: (context: PartContext) => compared(settings, seed, context),
      },
    ]).flat(),
  findings: rows => ({
    text: [
      "The paper's network learns in all frequencies, which is to learn from pixels: every step is the same map. Before conversion it is a network on pixels in ONNX, run by ONNX Runtime on the test files' pixels in float32, upsampled as libjpeg does and not rounded. Its weights, a file with PyTorch's names, are then converted and run here, on the files' coefficients. A deviation is the difference of a logit.",
      'The paper compressed its pictures without loss, trained 100 networks for each kind of data, and calls a deviation what their accuracies differ by.',
    ],
    figures: [],
    tables: [
      {
        caption: 'Accuracy in per cent, and deviations',
        head: [
          'seed',
          'pictures',
          'before',
          'after',
          'same class',
          'mean deviation',
          'largest deviation',
          'largest logit',
        ],
        rows: [
          ...rows.map(row => [Number(row['seed']), ...cells(column => Number(row[column]))]),
          ['mean', ...cells(column => meanOf(rows, column))],
        ],
      },
      {
        caption: "The paper's",
        head: ['data', 'before', 'after', 'deviation'],
        rows: PUBLISHED_CONVERSIONS.map(({ data, before, after, deviation }) => [
          data,
          (100 * before).toFixed(1),
          (100 * after).toFixed(1),
          deviation.toExponential(1),
        ]),
      },
    ],
  }),
}

/** Cells of a line, of what columns say. */
function cells(of: (column: string) => number): string[] {
  return [
    of('images').toFixed(0),
    ...['before', 'after', 'same'].map(column => (100 * of(column)).toFixed(2)),
    ...['meanDeviation', 'largestDeviation'].map(column => of(column).toExponential(1)),
    of('largestLogit').toFixed(1),
  ]
}

/** The weights of a network on pixels, as a user would convert them. */
async function converted(spatial: Model, path: string): Promise<Model> {
  await writeSafetensors(path, { tensors: await spatial.parameters(), metadata: { format: 'pt' } })
  const { width, height, mean, std } = spatial.definition.input
  return (await convertModel(path, { width, height, mean, std, ...(spatial.labels && { labels: spatial.labels }) }))
    .model
}

/** Answers on pixels and on coefficients, picture by picture. */
async function compared(settings: Settings, seed: number, context: PartContext): Promise<Row[]> {
  using spatial = await trainedNetwork(settings, { name: `paper-${seed}`, seed }, context)
  const onPixels = await inOnnxRuntime(spatial, 'conversion')
  using model = await converted(spatial, join(settings.models, `spatial-${seed}.safetensors`))
  using test = await picturesOf(settings, 'test', context)
  const { input } = model.definition
  // Mixing that never happens asks for pixels of all.
  const toPixels = lowerView(input, [], { mix: [mixup({ probability: 0 })], random: { seed: 0, epoch: 0, start: 0 } })
  const order = Uint32Array.from({ length: test.length }, (_, index) => index)
  let [before, after, same, sum, largest, largestLogit] = [0, 0, 0, 0, 0, 0]
  for await (const { indices, pictures } of batches(test, cut(order, BATCH), () => lowerView(input, []))) {
    const coefficients = await model.logits(pictures, undefined)
    const views = lift(await pictures.view(toPixels))
    const pixels = lift(await views.normalised([...input.mean], [...input.std]))
    const expected = await onPixels(pixels, indices.length)
    views.dispose()
    for (const [position, image] of indices.entries()) {
      const rows = [expected, coefficients].map(all =>
        all.subarray(position * model.classes, (position + 1) * model.classes),
      )
      const [one, other] = rows as [Float32Array, Float32Array]
      const [said, saysNow] = [one, other].map(row => row.indexOf(Math.max(...row)))
      if (said === test.labels[image]) before += 1
      if (saysNow === test.labels[image]) after += 1
      if (said === saysNow) same += 1
      for (const [k, value] of one.entries()) {
        const apart = Math.abs(value - (other[k] as number))
        sum += apart
        largest = Math.max(largest, apart)
        largestLogit = Math.max(largestLogit, Math.abs(value))
      }
    }
  }
  const images = test.length
  return [
    {
      seed: seed + 1,
      images,
      before: before / images,
      after: after / images,
      same: same / images,
      meanDeviation: sum / (images * model.classes),
      largestDeviation: largest,
      largestLogit,
    },
  ]
}
