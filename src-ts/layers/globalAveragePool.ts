import * as z from 'zod'
import { frozen } from './freeze.js'

/** The mean of every channel. */
export interface GlobalAveragePoolLayer {
  readonly type: 'globalAveragePool'
}

export const globalAveragePoolSchema = z.strictObject({
  type: z.literal('globalAveragePool'),
}) satisfies z.ZodType<GlobalAveragePoolLayer>

/** The mean of every channel's pixels, which is the mean over blocks of DC / 8. */
export function globalAveragePool(): GlobalAveragePoolLayer {
  return frozen({ type: 'globalAveragePool' })
}
