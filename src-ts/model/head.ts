/** Another head on the same body: what fine-tuning begins with. */
import * as z from 'zod'
import { mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import type { Layer, NamedLayer } from '../layers/layer.js'
import { linear } from '../layers/linear.js'
import { checked } from '../options.js'
import type { Transform } from '../transforms/transform.js'
import { transformsSchema } from '../transforms/transform.js'
import type { ModelDefinition } from './definition.js'
import { completeMode, modeShape, withMode, type ModeOptions } from './mode.js'
import { checkedModel, createModel, type Model } from './model.js'

/** Options of {@link replaceHead}; a mode, if given, replaces the model's. */
export interface HeadOptions extends ModeOptions {
  /** Names of the new classes, or how many there are. */
  classes: number | readonly string[]
  /** Where the head's initial weights come from; 0 by default. */
  seed?: number | undefined
  /** Pixels of the images, which the body does not depend on; the model's by default. */
  height?: number | undefined
  width?: number | undefined
  /** What is done to images that are asked about or tested on; the model's definition's by default. */
  transform?: readonly Transform[] | undefined
}

const optionsSchema = z.strictObject({
  classes: z.union([z.int().min(1), z.array(z.string()).min(1).readonly()], {
    error: 'names of classes, or a number of them',
  }),
  seed: z.int().min(0).optional(),
  height: z.int().min(1).optional(),
  width: z.int().min(1).optional(),
  transform: transformsSchema.optional(),
  ...modeShape,
}) satisfies z.ZodType<HeadOptions>

/**
 * A new model with the same layers and weights, except for the last layer, which has an output for each new class and random weights. If
 * the network ends in pooling, the layer is added. The given model does not change.
 *
 * @throws ModelError `INVALID_OPTION`; `INVALID_DEFINITION` if the last layer is neither a linear one nor pooling; `LABELS_MISMATCH` if a
 * name is there twice; `SHAPE_MISMATCH` for images too small; `DISPOSED`
 */
export async function replaceHead(model: Model, options: HeadOptions): Promise<Model> {
  checkedModel(model, 'replaceHead.model')
  const { classes, seed, height, width, transform, ...mode } = checked(optionsSchema, options, 'replaceHead')
  const labels = typeof classes === 'number' ? undefined : classes
  const { definition } = model
  const { layer, path } = withOutputs(definition.layers, labels?.length ?? (classes as number), '')
  const input = {
    ...definition.input,
    height: height ?? definition.input.height,
    width: width ?? definition.input.width,
    ...(transform && { transform }),
  }
  const changed: ModelDefinition = { ...definition, input, layers: layer }
  const whole = frozen(withMode(changed, completeMode(mode, changed, 'replaceHead')))
  const weights = await model.parameters()
  const own = createModel(whole, { seed, labels })
  await own.load(weights.filter(({ name }) => !name.startsWith(`${path}.`)))
  return own
}

/** What a head is called that is put on a body which had none. */
const HEAD = 'fc'

/** Layers whose last one has so many outputs, and its path; a body that ends in pooling gets a linear layer after it. */
function withOutputs(layer: Layer, features: number, path: string): { layer: Layer; path: string } {
  if (layer.type === 'linear') return { layer: { ...layer, features }, path }
  if (layer.type === 'sequential') {
    const last = layer.layers.at(-1) as NamedLayer
    if (last.layer.type === 'globalAveragePool') {
      const taken = layer.layers.map(({ name }) => name)
      const name = taken.includes(HEAD) ? `${HEAD}_new` : HEAD
      const layers = [...layer.layers, { name, layer: linear({ features }) }]
      return { layer: { ...layer, layers }, path: path === '' ? name : `${path}.${name}` }
    }
    const inner = withOutputs(last.layer, features, path === '' ? last.name : `${path}.${last.name}`)
    const layers = [...layer.layers.slice(0, -1), { ...last, layer: inner.layer }]
    return { layer: { ...layer, layers }, path: inner.path }
  }
  throw mismatch('INVALID_DEFINITION', path || 'layers', 'a linear layer or pooling at the end', layer.type)
}

/** A definition without its last layer, which is a linear one: a body alone. */
export function withoutHead(definition: ModelDefinition): ModelDefinition {
  const { layers } = definition
  const last = layers.type === 'sequential' ? layers.layers.at(-1) : undefined
  if (layers.type !== 'sequential' || last?.layer.type !== 'linear') return definition
  return frozen({ ...definition, layers: { ...layers, layers: layers.layers.slice(0, -1) } })
}
