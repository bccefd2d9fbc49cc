import { grouped } from '../numbers.js'
import type { ModelDefinition } from './definition.js'
import { modeSentence, ownMode } from './mode.js'
import { table } from '../table.js'

/** One operation of a model as the engine plans it. */
export interface ModelNode {
  /** PyTorch's module path. */
  readonly path: string
  /** What it computes. */
  readonly operation: string
  /** `[channels, height, width]` in pixels, or `[features]`. */
  readonly outputShape: readonly number[]
  /** Number of trainable parameters. */
  readonly parameters: number
  /** Of a activation: coefficients of a block that its pieces are picked from. */
  readonly coefficientsKept?: number | undefined
  /** How it is computed: the convolution's factorisation in training, or the activation's masking. */
  readonly choice?: string | undefined
}

/** A model's layers as an aligned table with totals. */
export function summaryTable(definition: ModelDefinition, nodes: readonly ModelNode[], parameters: number): string {
  const { name, input } = definition
  const header = ['layer', 'operation', 'output', 'parameters', 'coefficients kept', 'computed by']
  const rows = nodes.map(({ path, operation, outputShape, parameters, coefficientsKept, choice }) => [
    path,
    operation,
    outputShape.join('×'),
    parameters === 0 ? '' : grouped(parameters),
    coefficientsKept === undefined ? '' : `${coefficientsKept} of 64`,
    choice ?? '',
  ])
  const size = `${input.channels}×${input.height}×${input.width}`
  const title = `${name}: input ${size}, ${grouped(parameters)} parameters, ${modeSentence(ownMode(definition))}`
  return [title, '', table(header, rows, [3])].join('\n')
}
