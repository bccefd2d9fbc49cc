import * as z from 'zod'
import { layerSchema, type Layer } from '../layers/layer.js'
import { frequenciesSchema } from '../layers/masking.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'

/** The input of a model, with defaults filled in. */
export interface InputDefinition {
  readonly channels: number
  readonly height: number
  readonly width: number
  readonly mean: readonly number[]
  readonly std: readonly number[]
  readonly transform?: readonly Transform[] | undefined
  readonly colour?: 'linear' | 'exact' | undefined
}

/** The definition of a model as plain data: its input and its layers. */
export interface ModelDefinition {
  readonly name: string
  readonly input: InputDefinition
  readonly layers: Layer
  /** In the band-limited mode: how many DCT frequencies (diagonals α + β of a block) every feature map keeps, 1…15 (φ). */
  readonly band?: number | undefined
}

export const inputSchema = z.strictObject({
  channels: z.literal([1, 3]),
  height: z.int().min(1),
  width: z.int().min(1),
  mean: z.array(z.number()).readonly(),
  std: z.array(z.number().positive()).readonly(),
  transform: transformsSchema.optional(),
  colour: z.enum(['linear', 'exact']).optional(),
}) satisfies z.ZodType<InputDefinition>

export const modelDefinitionSchema = z
  .strictObject({
    name: z.string().min(1),
    input: inputSchema,
    layers: layerSchema,
    band: frequenciesSchema.optional(),
  })
  .superRefine(({ input }, context) => {
    for (const key of ['mean', 'std'] as const) {
      if (input[key].length !== input.channels) {
        const message = `${input.channels} values, one a channel`
        context.addIssue({ code: 'custom', path: ['input', key], message, input: input[key] })
      }
    }
  }) satisfies z.ZodType<ModelDefinition>
