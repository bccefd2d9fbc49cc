/** How much is zero: of the files' coefficients, of what layers are given, and of the products that are done. */
import { jpegCoefficients } from '../data/coefficients.js'
import { loadDataset } from '../data/dataset.js'
import { jpegImages, type LabelledImage } from '../data/images.js'
import { conv2d } from '../layers/conv2d.js'
import { globalAveragePool } from '../layers/globalAveragePool.js'
import { linear } from '../layers/linear.js'
import { sequential } from '../layers/sequential.js'
import { defineModel } from '../model/define.js'
import { lowerModel } from '../model/graph.js'
import { INPUT_LAYER } from '../model/featureMaps.js'
import { createModel, networkOf, type Model } from '../model/model.js'
import { lowerView } from '../transforms/lower.js'
import type { Experiment, PartContext, Row, Settings } from './experiment.js'
import { requantisedImages } from './requantise.js'
import { sparsityFindings } from './sparsityFindings.js'
import { trainedNetwork } from './training.js'

/** Images that are looked at, of each quality. */
const PICTURES = { quick: 40, full: 1000 }

/** Images whose maps are looked at. */
const MAPS_OF = { quick: 20, full: 200 }

/** Images of a call whose multiplies are counted. */
const BATCH = 128

const QUALITIES = { quick: [30, 75, 95], full: [30, 40, 50, 60, 70, 75, 80, 85, 90, 95] }

/** Multiplies for a pair of channels of a 3×3 filter: of a block of pixels, and of one coefficient, whose basis function it spreads over 10×10. */
const DIRECT = 576
const SPREAD = 100

/** A coefficient of a map counts as zero if it is smaller than this share of the map's largest: float32's rounding. */
const ZERO = 1e-6

const BLOCK = 64
const FREQUENCIES = 15

/** α + β of a coefficient of a block, row-major. */
const frequencyOf = Uint8Array.from({ length: BLOCK }, (_, at) => Math.floor(at / 8) + (at % 8))

export const sparsity: Experiment = {
  name: 'sparsity',
  title: 'What is zero, and what that saves',
  needsData: true,
  parts: settings => [
    {
      key: 'train-0',
      title: 'training',
      weight: 10,
      run: async (context: PartContext) => {
        using _ = await trainedNetwork(settings, { name: 'paper-0', seed: 0 }, context)
        return []
      },
    },
    ...(settings.quick ? QUALITIES.quick : QUALITIES.full).map(quality => ({
      key: `quality-${quality}`,
      title: `files of quality ${quality}`,
      weight: 1,
      run: (context: PartContext) => ofQuality(settings, quality, context),
    })),
  ],
  findings: sparsityFindings,
}

async function ofQuality(settings: Settings, quality: number, context: PartContext): Promise<Row[]> {
  using model = await trainedNetwork(settings, { name: 'paper-0', seed: 0 }, context)
  const most = settings.quick ? PICTURES.quick : PICTURES.full
  const images = await requantisedImages(settings, { set: 'test', quality, most }, context)
  const rows = [
    ...(await ofCoefficients(images)),
    await ofMemory(images),
    ...(await ofProducts(model, images)),
    await ofScatter(model, images),
    ...(await ofMaps(model, images.slice(0, settings.quick ? MAPS_OF.quick : MAPS_OF.full))),
  ]
  return rows.map(row => ({ quality, ...row }))
}

/** Counts by frequency α + β. */
class ByFrequency {
  readonly nonZeros = new Float64Array(FREQUENCIES)
  readonly energy = new Float64Array(FREQUENCIES)
  blocks = 0

  add(values: ArrayLike<number>, zero = 0): void {
    for (let at = 0; at < values.length; at++) {
      const value = values[at] as number
      if (Math.abs(value) <= zero) continue
      const frequency = frequencyOf[at % BLOCK] as number
      this.nonZeros[frequency]! += 1
      this.energy[frequency]! += value * value
    }
    this.blocks += values.length / BLOCK
  }

  /** A row a frequency: non-zeros of a block there, and its share of all energy. */
  rows(of: Row): Row[] {
    const all = this.energy.reduce((sum, energy) => sum + energy, 0)
    return Array.from(this.nonZeros, (count, frequency) => ({
      ...of,
      frequency,
      nonZeros: count / this.blocks,
      energy: all > 0 ? (this.energy[frequency] as number) / all : 0,
    }))
  }
}

/** Non-zero coefficients of the files, component by component. */
async function ofCoefficients(images: readonly LabelledImage<Uint8Array>[]): Promise<Row[]> {
  const components: ByFrequency[] = []
  for (const { jpeg } of images) {
    const { components: planes } = await jpegCoefficients(jpeg)
    planes.forEach(({ values }, index) => (components[index] ??= new ByFrequency()).add(values))
  }
  const names = components.length === 1 ? ['gray'] : ['Y', 'Cb', 'Cr', 'K']
  return components.flatMap((counts, index) => counts.rows({ what: 'coefficients', of: names[index] ?? `${index}` }))
}

/** Bytes of an image: as a file, packed in memory, and as 8-bit pixels. */
async function ofMemory(images: readonly LabelledImage<Uint8Array>[]): Promise<Row> {
  using dataset = await loadDataset(jpegImages(images))
  const { width, height, components } = await dataset.describe(0)
  const files = images.reduce((sum, { jpeg }) => sum + jpeg.length, 0)
  return {
    what: 'memory',
    of: 'an image',
    bytesInMemory: dataset.bytes / images.length,
    bytesOfFile: files / images.length,
    bytesOfPixels: width * height * components.length,
  }
}

/** Multiplies that a prediction does, against those of the direct convolution of pixels, layer by layer. */
async function ofProducts(model: Model, images: readonly LabelledImage<Uint8Array>[]): Promise<Row[]> {
  const batch = images.slice(0, BATCH).map(({ jpeg }) => jpeg)
  const rows: Row[] = []
  for (const mode of [
    { mode: 'exact' },
    { mode: 'band-limited', frequencies: 8 },
    { mode: 'band-limited', frequencies: 6 },
  ] as const) {
    // How sparse the last images were is part of the plan.
    await model.predict(batch, { batchSize: batch.length, ...mode })
    const { steps } = await model.plan({ batch: batch.length, ...mode })
    for (const { path, multiplies, directMultiplies } of steps) {
      if (multiplies === undefined || directMultiplies === undefined) continue
      const of = 'frequencies' in mode ? `band-limited, φ = ${mode.frequencies}` : 'exact'
      rows.push({ what: 'multiplies', of, layer: path, multiplies, directMultiplies })
    }
  }
  return rows
}

/**
 * Multiplies of a first convolution that spreads each non-zero coefficient of a file by its filter, colours included, as the
 * engine counts them (to about a tenth): the paper's network, whose input two layers read, has none.
 */
async function ofScatter({ definition }: Model, images: readonly LabelledImage<Uint8Array>[]): Promise<Row> {
  const { channels, height, width, mean, std } = definition.input
  const layers = sequential({
    conv: conv2d({ channels: 16, size: 3, padding: 1, factorisation: 'scatter' }),
    pool: globalAveragePool(),
    fc: linear({ features: 2 }),
  })
  const input = { channels, height, width, mean, std }
  using model = createModel(defineModel({ name: 'first layer', input, layers }))
  const batch = images.slice(0, BATCH).map(({ jpeg }) => jpeg)
  await model.predict(batch, { batchSize: batch.length })
  const { steps } = await model.plan({ batch: batch.length })
  const step = steps.find(({ path }) => path === 'conv')
  return {
    what: 'first layer from coefficients',
    of: `${channels} to 16 channels, 3×3`,
    multiplies: step?.multiplies ?? NaN,
    directMultiplies: step?.directMultiplies ?? NaN,
  }
}

/** Coefficients of what every convolution is given, and what a product that skips its zeros would need. */
async function ofMaps(model: Model, images: readonly LabelledImage<Uint8Array>[]): Promise<Row[]> {
  const { nodes } = lowerModel(model.definition)
  using dataset = await loadDataset(jpegImages(images))
  const batch = await dataset.batch(Uint32Array.from(images.keys()), lowerView(model.definition.input, []))
  try {
    const rows: Row[] = []
    for (const { path, inputs, operation } of nodes) {
      if (operation.type !== 'conv2d') continue
      const [value = 0] = inputs
      const values = await networkOf(model).valuesOf(batch, undefined, nodes[value - 1]?.path)
      let largest = 0
      for (const each of values) largest = Math.max(largest, Math.abs(each))
      const counts = new ByFrequency()
      counts.add(values, ZERO * largest)
      const nonZeros = counts.nonZeros.reduce((sum, count) => sum + count, 0) / counts.blocks
      const what = { what: 'input of a layer', of: path, from: nodes[value - 1]?.path ?? INPUT_LAYER }
      rows.push({ ...what, nonZeros, sparseMultiplies: (nonZeros * SPREAD) / DIRECT })
      rows.push(...counts.rows({ ...what, what: 'input of a layer by frequency' }))
    }
    return rows
  } finally {
    batch.dispose()
  }
}
