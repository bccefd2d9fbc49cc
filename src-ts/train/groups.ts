import * as z from 'zod'

/** Layers with a learning rate or weight decay of their own. */
export interface LayerGroup {
  /** Paths of layers (`layer4` means all below it); `*` stands for any characters. No layer may be in two groups. */
  layers: readonly string[]
  /** Step size before the schedule; not with `factor`. */
  learningRate?: number | undefined
  /** What the optimizer's learning rate is multiplied by; not with `learningRate`. */
  factor?: number | undefined
  /** Pull towards zero; the optimizer's by default. */
  weightDecay?: number | undefined
}

const notNegative = z.number().min(0).optional()
const patterns = z.array(z.string().min(1)).readonly()

export const freezeSchema = patterns
export const groupsSchema = z
  .array(
    z
      .strictObject({ layers: patterns, learningRate: notNegative, factor: notNegative, weightDecay: notNegative })
      .refine(({ learningRate, factor }) => learningRate === undefined || factor === undefined, {
        error: 'a learningRate or a factor',
      }),
  )
  .readonly() satisfies z.ZodType<readonly LayerGroup[]>
