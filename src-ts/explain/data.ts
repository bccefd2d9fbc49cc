/** Gathers what the script of an explanation is given. */
import { jpegCoefficients, type CoefficientPlane } from '../data/coefficients.js'
import type { JpegReadOptions } from '../data/reading.js'
import { INPUT_LAYER, type FeatureMap } from '../model/featureMaps.js'
import { lowerModel, type Operation } from '../model/graph.js'
import type { Model } from '../model/model.js'
import type { Picture } from '../model/predict.js'
import type { Transform } from '../transforms/transform.js'
import type { ComponentData, LayerData, PageData } from './pageData.js'

/** Values of a layer that the page has, at most, unless one channel has more. */
const MOST_VALUES = 16_384

const BLOCK = 64
const LARGEST = 32_767

/** Options of an explanation that say how the image is read and what is done to it. */
export interface Seen extends JpegReadOptions {
  transform?: readonly Transform[] | undefined
}

/**
 * All that the script needs.
 *
 * @param onLayer called before each layer, whose maps take a pass through the network
 */
export async function pageData(
  model: Model,
  { picture, file, seen }: { picture: Picture; file: string | Uint8Array; seen: Seen },
  onLayer: () => void,
): Promise<PageData> {
  const { onError, limits, orientation } = seen
  const coefficients = await jpegCoefficients(file, { onError, limits, orientation })
  const { nodes } = lowerModel(model.definition)
  const layers: LayerData[] = []
  // One layer at a time: the maps of a large network together take much memory.
  for (const layer of [INPUT_LAYER, ...nodes.map(({ path }) => path)]) {
    onLayer()
    const [map] = await model.featureMaps(picture, { layers: [layer], ...seen })
    if (map) layers.push(layerData(map))
  }
  return {
    components: componentsData(coefficients),
    layers,
    relus: nodes.flatMap(({ path, inputs: [input = 0], operation }) => (isRelu(operation) ? [{ path, input }] : [])),
  }
}

function isRelu(operation: Operation): boolean {
  if (operation.type !== 'piecewiseLinear') return false
  const { slope, intercept, breakpoints } = operation
  const [only, second] = breakpoints
  return slope === 0 && intercept === 0 && only?.at === 0 && only.slopeChange === 1 && !second
}

type Coefficients = Awaited<ReturnType<typeof jpegCoefficients>>

function componentsData({ colour, width, height, components }: Coefficients): ComponentData[] {
  const names = { gray: ['gray'], ycbcr: ['Y', 'Cb', 'Cr'], rgb: ['R', 'G', 'B'] } as Record<string, string[]>
  const known = names[colour] ?? (colour === 'cmyk' ? ['C', 'M', 'Y', 'K'] : ['Y', 'Cb', 'Cr', 'K'])
  const most = (axis: 0 | 1) => Math.max(...components.map(({ sampling }) => sampling[axis]))
  return components.map((plane: CoefficientPlane, index) => ({
    name: known[index] ?? `component ${plane.id}`,
    width: Math.ceil((width * plane.sampling[0]) / most(0)),
    height: Math.ceil((height * plane.sampling[1]) / most(1)),
    high: plane.blocks[0],
    wide: plane.blocks[1],
    steps: [...plane.quantisation],
    values: base64(plane.values),
  }))
}

function layerData({ layer: path, operation, shape, values }: FeatureMap): LayerData {
  const [channels = 1] = shape
  const isMap = shape.length === 3
  const length = isMap ? values.length / channels : values.length
  const energies = Array.from({ length: isMap ? channels : 1 }, (_, channel) => variation(values, channel, length))
  const most = Math.max(1, Math.floor(MOST_VALUES / length))
  // Those that vary most, in the order in which the network has them.
  const shown = [...energies.keys()]
    .sort((a, b) => (energies[b] as number) - (energies[a] as number))
    .slice(0, most)
    .sort((a, b) => a - b)
  const scales = shown.map(channel => {
    let largest = 0
    for (const value of values.subarray(channel * length, (channel + 1) * length)) {
      largest = Math.max(largest, Math.abs(value))
    }
    return largest > 0 ? largest / LARGEST : 1
  })
  const units = new Int16Array(shown.length * length)
  shown.forEach((channel, at) => {
    const scale = scales[at] as number
    for (let k = 0; k < length; k++) {
      units[at * length + k] = Math.round((values[channel * length + k] as number) / scale)
    }
  })
  return {
    path,
    operation,
    shape,
    energy: isMap ? energyOf(values) : [],
    channels: shown,
    scales,
    values: base64(units),
  }
}

/** Energy of a channel beside that of its blocks' means, which says nothing of a shape. */
function variation(values: Float32Array, channel: number, length: number): number {
  let sum = 0
  for (let k = channel * length; k < (channel + 1) * length; k++) {
    if (k % BLOCK !== 0) sum += (values[k] as number) ** 2
  }
  return sum
}

function energyOf(values: Float32Array): number[] {
  const energy = Array<number>(15).fill(0)
  values.forEach((value, at) => (energy[((at >> 3) & 7) + (at & 7)]! += value * value))
  const all = energy.reduce((sum, one) => sum + one, 0)
  return energy.map(one => (all > 0 ? one / all : 0))
}

function base64(values: Int16Array): string {
  const bytes = Buffer.alloc(2 * values.length)
  values.forEach((value, at) => bytes.writeInt16LE(value, 2 * at))
  return bytes.toString('base64')
}
