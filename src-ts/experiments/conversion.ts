/** Networks on pixels, before their conversion and after: the same answers. */
import { join } from 'node:path'
import { convertModel } from '../convert/convert.js'
import { batches, cut } from '../data/batches.js'
import { networkOf, type Model } from '../model/model.js'
import { lift } from '../native/addon.js'
import { lowerView } from '../transforms/lower.js'
import { mixup } from '../transforms/mixing.js'
import { writeSafetensors } from '../weights/safetensors.js'
import { conversionFindings } from './conversionFindings.js'
import { picturesOf } from './data.js'
import type { Experiment, PartContext, Row, Settings } from './experiment.js'
import { trainedNetwork } from './training.js'
import { inOnnxRuntime } from './twin.js'

const BATCH = 128

export const conversion: Experiment = {
  name: 'conversion',
  title: 'Before conversion and after',
  needsData: true,
  needsPackages: ['onnxruntime-node'],
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
  findings: conversionFindings,
}

/** The weights of a network on pixels, as a user would convert them. */
async function converted(spatial: Model, path: string): Promise<Model> {
  await writeSafetensors(path, { tensors: await spatial.parameters(), metadata: { format: 'pt' } })
  const { width, height, mean, std } = spatial.definition.input
  return (await convertModel(path, { width, height, mean, std, ...(spatial.labels && { labels: spatial.labels }) }))
    .model
}

/** Answers on pixels and on coefficients, image by image. */
async function compared(settings: Settings, seed: number, context: PartContext): Promise<Row[]> {
  using spatial = await trainedNetwork(settings, { name: `paper-${seed}`, seed }, context)
  const onPixels = await inOnnxRuntime(spatial, 'conversion')
  using model = await converted(spatial, join(settings.models, `spatial-${seed}.safetensors`))
  using test = await picturesOf(settings, 'test', context)
  const { input } = model.definition
  // Mixing that never happens asks for pixels of all.
  const toPixels = lowerView(input, [], { mix: [mixup({ probability: 0 })], random: { seed: 0, epoch: 0, start: 0 } })
  const order = Uint32Array.from({ length: test.length }, (_, index) => index)
  const tally = new Tally(test.length, model.classes)
  for await (const { indices, pictures } of batches(test, cut(order, BATCH), () => lowerView(input, []))) {
    const coefficients = await networkOf(model).logits(pictures, undefined)
    const views = lift(await pictures.view(toPixels))
    const pixels = lift(await views.normalised([...input.mean], [...input.std]))
    const expected = await onPixels(pixels, indices.length)
    views.dispose()
    for (const [position, image] of indices.entries()) {
      const ofPicture = (all: Float32Array) => all.subarray(position * model.classes, (position + 1) * model.classes)
      tally.add(ofPicture(expected), ofPicture(coefficients), test.labels[image])
    }
  }
  return tally.rows().map(row => ({ seed: seed + 1, ...row }))
}

/** Deviations are counted by half powers of ten from 1e-8 on: those below are counted there, those above at 1e-3. */
const [FEWEST, MOST] = [-16, -6]

/** What two sets of answers have in common. */
class Tally {
  #right = { before: 0, after: 0 }
  #same = 0
  #sum = 0
  #largest = 0
  #largestLogit = 0
  readonly #counts = new Uint32Array(MOST - FEWEST + 1)

  constructor(
    readonly images: number,
    readonly classes: number,
  ) {}

  /** An image's logits on pixels and on coefficients. */
  add(before: Float32Array, after: Float32Array, label: number | undefined): void {
    const [said, saysNow] = [before, after].map(row => row.indexOf(Math.max(...row)))
    if (said === label) this.#right.before += 1
    if (saysNow === label) this.#right.after += 1
    if (said === saysNow) this.#same += 1
    for (const [k, value] of before.entries()) {
      const apart = Math.abs(value - (after[k] as number))
      this.#sum += apart
      this.#largest = Math.max(this.#largest, apart)
      this.#largestLogit = Math.max(this.#largestLogit, Math.abs(value))
      const half = Math.ceil(2 * Math.log10(apart))
      this.#counts[Math.max(FEWEST, Math.min(MOST, half)) - FEWEST]! += 1
    }
  }

  rows(): Row[] {
    const { images, classes } = this
    const logits = images * classes
    const accuracy = {
      what: 'accuracy',
      images,
      before: this.#right.before / images,
      after: this.#right.after / images,
      same: this.#same / images,
      meanDeviation: this.#sum / logits,
      largestDeviation: this.#largest,
      largestLogit: this.#largestLogit,
    }
    const deviations = Array.from(this.#counts, (count, at) => ({
      what: 'deviations',
      deviation: 10 ** ((at + FEWEST) / 2),
      share: count / logits,
    }))
    return [accuracy, ...deviations]
  }
}
