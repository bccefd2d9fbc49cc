/** Looking up what rows say. */
import type { Row } from './experiment.js'

/** Rows that have all these values. */
export function where(rows: readonly Row[], values: Row): Row[] {
  return rows.filter(row => Object.entries(values).every(([key, value]) => row[key] === value))
}

/** The mean of a column; not a number if no row has it. */
export function meanOf(rows: readonly Row[], column: string): number {
  const values = rows.flatMap(row => (column in row ? [Number(row[column])] : []))
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The sum of a column. */
export function sumOf(rows: readonly Row[], column: string): number {
  return rows.reduce((sum, row) => sum + Number(row[column] ?? 0), 0)
}

/** Values that a column has, in the order in which they come first. */
export function valuesOf<T extends string | number>(rows: readonly Row[], column: string): T[] {
  return [...new Set(rows.flatMap(row => (column in row ? [row[column] as T] : [])))]
}
