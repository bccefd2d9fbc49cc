import * as z from 'zod'
import { frozen } from '../layers/freeze.js'
import type { ModelDefinition } from './definition.js'
import { modeSentence, modeShape, ownMode, type Mode, type ModeOptions } from './mode.js'
import { table } from '../table.js'

/** Options of {@link Model.plan}; a mode, if given, replaces the definition's. */
export interface PlanOptions extends ModeOptions {
  /** Images in a batch; 1 by default. */
  batch?: number | undefined
}

/** Options of {@link Model.profile}; a mode, if given, replaces the definition's. */
export interface ProfileOptions extends ModeOptions {
  /** How often to run the network after a first time, to take medians; 11 by default. */
  rounds?: number | undefined
}

export const profileOptionsSchema = z.strictObject({
  rounds: z.int().min(1).max(10_000).optional(),
  ...modeShape,
}) satisfies z.ZodType<ProfileOptions>

export const planOptionsSchema = z.strictObject({
  batch: z.int().min(1).optional(),
  ...modeShape,
}) satisfies z.ZodType<PlanOptions>

/** One pass over the feature maps, with all that is fused into it. */
export interface PlannedStep {
  /** The layer it is named by. */
  readonly path: string
  /** What it computes: `conv2d + batchNorm + add + piecewiseLinear`. */
  readonly operation: string
  /** Of a convolution: how it is computed, one of {@link Factorisation}. */
  readonly factorisation?: string | undefined
  /** What it gives: `pixels`, coefficients of blocks, or `features`. */
  readonly representation: string
  /** Why it is computed so. */
  readonly reason?: string | undefined
  /** Estimated microseconds for an image of the batch. */
  readonly microseconds?: number | undefined
  /** Measured microseconds for an image of the batch; only {@link Model.profile} knows them. */
  readonly measured?: number | undefined
  /** Of a convolution or linear layer: multiply-adds for an image, those of its transforms left out. */
  readonly multiplies?: number | undefined
  /** Multiply-adds of the direct convolution of an image's pixels by the same filter. */
  readonly directMultiplies?: number | undefined
}

/** What a prediction will do, as the engine has planned it for this machine. */
export class InferencePlan {
  /** Images in a batch. */
  readonly batch: number
  /** The mode; none if the layers mask each in a way of its own. */
  readonly mode: Mode | undefined
  /** In the order in which they run. */
  readonly steps: readonly PlannedStep[]
  readonly #name: string

  private constructor(
    definition: ModelDefinition,
    batch: number,
    mode: Mode | undefined,
    steps: readonly PlannedStep[],
  ) {
    this.#name = definition.name
    this.batch = batch
    this.mode = mode ?? ownMode(definition)
    this.steps = frozen([...steps])
  }

  /** @internal What {@link Model.plan} gives. */
  static of(
    definition: ModelDefinition,
    batch: number,
    mode: Mode | undefined,
    steps: readonly PlannedStep[],
  ): InferencePlan {
    return new InferencePlan(definition, batch, mode, steps)
  }

  /**
   * Its steps as a table: what each computes, how, in which representation, how long that should take (and took, if it
   * was measured), and why so.
   */
  summary(): string {
    const timed = this.steps.some(({ measured }) => measured !== undefined)
    const took = (measured: number | undefined) => (timed ? [measured?.toFixed(1) ?? ''] : [])
    const header = ['step', 'operation', 'computed by', 'gives', 'µs an image', ...(timed ? ['took'] : []), 'because']
    const rows = this.steps.map(
      ({ path, operation, factorisation, representation, reason, microseconds, measured }) => [
        path,
        operation,
        factorisation ?? '',
        representation,
        microseconds?.toFixed(1) ?? '',
        ...took(measured),
        reason ?? '',
      ],
    )
    const pictures = this.batch === 1 ? 'one image' : `${this.batch} images`
    const total = this.steps.reduce((sum, { measured = 0 }) => sum + measured, 0)
    const sum = timed ? ['', `all steps took ${total.toFixed(1)} µs an image`] : []
    const title = `${this.#name}: ${pictures} a call, ${modeSentence(this.mode)}`
    return [title, '', table(header, rows, [4]), ...sum].join('\n')
  }
}
