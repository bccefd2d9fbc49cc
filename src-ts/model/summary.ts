import { grouped } from '../numbers.js'
import type { ModelDefinition } from './definition.js'
import { modeSentence, ownMode } from './mode.js'

/** One operation of a model as the engine plans it. */
export interface ModelNode {
  /** PyTorch's module path. */
  readonly path: string
  /** What it computes. */
  readonly operation: string
  /** `[channels, height, width]` in pixels, or `[features]`. */
  readonly outputShape: readonly number[]
  /** Weights and biases it learns. */
  readonly parameters: number
  /** Of a nonlinearity: coefficients of a block that its pieces are picked from. */
  readonly coefficientsKept?: number | undefined
  /** How it is computed: the convolution's factorisation, or the nonlinearity's masking. */
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
  const numeric = new Set([3])
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        numeric.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  const rule = widths.map(width => '─'.repeat(width)).join('──')
  const size = `${input.channels}×${input.height}×${input.width}`
  const title = `${name}: input ${size}, ${grouped(parameters)} parameters, ${modeSentence(ownMode(definition))}`
  return [title, '', line(header), rule, ...rows.map(line)].join('\n')
}
