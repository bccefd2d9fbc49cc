/** What single layers make of an image. */
import * as z from 'zod'
import { readShape, type JpegReadOptions } from '../data/reading.js'
import { mismatch } from '../errors.js'
import { checked } from '../options.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { completeMode, modeShape, type ModeOptions } from './mode.js'
import type { Network } from './network.js'
import { named, pictureSchema, type Picture } from './predict.js'
import { viewsOfAll } from './views.js'

/** The image as the network gets it, among the layers. */
export const INPUT_LAYER = 'input'

/** Options of {@link Model.featureMaps}; a mode, if given, replaces the definition's. */
export interface FeatureMapOptions extends ModeOptions, JpegReadOptions {
  /** Paths of layers as in {@link Model.nodes}, and `input` for the normalised image; `input` and all layers by default. */
  layers?: readonly string[] | undefined
  /** What is done to the image; the definition's by default. */
  transform?: readonly Transform[] | undefined
}

/** What a layer makes of an image. */
export interface FeatureMap {
  /** The path of the layer, or `input`. */
  readonly layer: string
  /** What the layer does: `conv2d`, `batchNorm`, … */
  readonly operation: string
  /** `[channels, height, width]` in pixels, or `[features]`. */
  readonly shape: readonly number[]
  /**
   * Of a map its orthonormal coefficients `[channels, ⌈height/8⌉, ⌈width/8⌉, 8, 8]`, row-major, vertical frequency first, of pixels
   * that are zero beyond its edge; of features, themselves.
   */
  readonly values: Float32Array
}

const optionsSchema = z.strictObject({
  layers: z.array(z.string()).readonly().optional(),
  transform: transformsSchema.optional(),
  ...modeShape,
  ...readShape,
}) satisfies z.ZodType<FeatureMapOptions>

/** The maps of the layers asked for, in that order. */
export async function featureMaps(
  network: Network,
  picture: Picture,
  options: FeatureMapOptions,
): Promise<FeatureMap[]> {
  const { layers, transform, onError, limits, orientation, ...given } = checked(optionsSchema, options, 'featureMaps')
  const mode = completeMode(given, network.definition, 'featureMaps')
  const one = await named(checked(pictureSchema, picture, 'featureMaps.picture'), 0)
  network.assertUsable()
  const wanted = (layers ?? [INPUT_LAYER, ...network.nodes.map(({ path }) => path)]).map(layer =>
    kindOf(network, layer),
  )
  const views = await viewsOfAll(network.definition.input, [one], { transform, onError, limits, orientation })
  try {
    const maps: FeatureMap[] = []
    for (const { path, ...kind } of wanted) {
      maps.push({ ...kind, values: await network.valuesOf(views.set, mode, path) })
    }
    return maps
  } finally {
    views.set.dispose()
  }
}

/** What is known of a layer's map before any image, and the layer's path; the input has none. */
function kindOf(
  { nodes, definition }: Network,
  layer: string,
): Omit<FeatureMap, 'values'> & { path: string | undefined } {
  const node = nodes.find(({ path }) => path === layer)
  if (node) return { path: layer, layer, operation: node.operation, shape: node.outputShape }
  const { channels, height, width } = definition.input
  if (layer === INPUT_LAYER) return { path: undefined, layer, operation: INPUT_LAYER, shape: [channels, height, width] }
  const some = nodes.slice(0, 4).map(({ path }) => path)
  throw mismatch('INVALID_OPTION', 'featureMaps.layers', `${INPUT_LAYER} or a layer: ${some.join(', ')}, …`, layer)
}
