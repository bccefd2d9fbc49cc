import * as z from 'zod'
import { mismatch } from '../errors.js'
import { shown } from '../options.js'
import { averagePoolSchema, type AveragePoolLayer } from './averagePool.js'
import { batchNormSchema, type BatchNormLayer } from './batchNorm.js'
import { clipSchema, type ClipLayer } from './clip.js'
import { conv2dSchema, type Conv2dLayer } from './conv2d.js'
import { globalAveragePoolSchema, type GlobalAveragePoolLayer } from './globalAveragePool.js'
import { leakyReluSchema, type LeakyReluLayer } from './leakyRelu.js'
import { linearSchema, type LinearLayer } from './linear.js'
import { maxPoolSchema, type MaxPoolLayer } from './maxPool.js'
import { reluSchema, type ReluLayer } from './relu.js'
import { subsampleSchema, type SubsampleLayer } from './subsample.js'

/** Any layer: plain, frozen data that a factory made. */
export type Layer =
  | Conv2dLayer
  | BatchNormLayer
  | ReluLayer
  | LeakyReluLayer
  | ClipLayer
  | MaxPoolLayer
  | AveragePoolLayer
  | SubsampleLayer
  | GlobalAveragePoolLayer
  | LinearLayer
  | SequentialLayer
  | AddLayer

/** A layer with its name, which is part of the names of its parameters. */
export interface NamedLayer {
  readonly name: string
  readonly layer: Layer
}

/** Layers one after the other; each child's path is this layer's path and its name. */
export interface SequentialLayer {
  readonly type: 'sequential'
  readonly layers: readonly NamedLayer[]
}

/**
 * Branches of one input, added up, and layers after the sum. Paths of layers do not contain the branch, so that the names of a residual
 * block are PyTorch's.
 */
export interface AddLayer {
  readonly type: 'add'
  readonly branches: readonly (readonly NamedLayer[])[]
  readonly then: readonly NamedLayer[]
}

/** How layers are given to a factory: a record names them, a list numbers them from 0. */
export type Layers = Readonly<Record<string, Layer>> | readonly Layer[]

const namedLayerSchema: z.ZodType<NamedLayer> = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9_]+$/, 'a name of letters, digits and underscores'),
  get layer() {
    return layerSchema
  },
})

export const sequentialSchema = z.strictObject({
  type: z.literal('sequential'),
  layers: z.array(namedLayerSchema).min(1),
}) satisfies z.ZodType<SequentialLayer>

export const addSchema = z.strictObject({
  type: z.literal('add'),
  branches: z.array(z.array(namedLayerSchema)).min(2),
  then: z.array(namedLayerSchema),
}) satisfies z.ZodType<AddLayer>

export const layerSchema: z.ZodType<Layer> = z.lazy(() =>
  z.discriminatedUnion('type', [
    conv2dSchema,
    batchNormSchema,
    reluSchema,
    leakyReluSchema,
    clipSchema,
    maxPoolSchema,
    averagePoolSchema,
    subsampleSchema,
    globalAveragePoolSchema,
    linearSchema,
    sequentialSchema,
    addSchema,
  ]),
)

/**
 * Layers as a list of named ones.
 *
 * @throws ModelError `INVALID_OPTION` if they are not layers
 */
export function named(layers: Layers, where: string): NamedLayer[] {
  if (typeof layers !== 'object' || layers === null || isLayer(layers)) {
    throw mismatch('INVALID_OPTION', where, 'a record or a list of layers', shown(layers))
  }
  return Object.entries(layers).map(([name, layer]) => {
    if (!isLayer(layer)) throw mismatch('INVALID_OPTION', `${where}.${name}`, 'a layer', shown(layer))
    return { name, layer }
  })
}

/** Whether a value says which layer it is; the schemas check the rest. A record of layers may name one of them `type`. */
function isLayer(value: unknown): value is Layer {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}
