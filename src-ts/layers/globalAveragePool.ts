import * as z from 'zod'
import { frozen } from './freeze.js'

/** The mean of every channel. */
export interface GlobalAveragePoolLayer {
  readonly type: 'globalAveragePool'
}

export const globalAveragePoolSchema = z.strictObject({
  type: z.literal('globalAveragePool'),
}) satisfies z.ZodType<GlobalAveragePoolLayer>

/** Global average pooling: the mean of every channel, `[channels]`. */
export function globalAveragePool(): GlobalAveragePoolLayer {
  return frozen({ type: 'globalAveragePool' })
}
