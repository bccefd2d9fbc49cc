/** Numbers as people read them. */

/** A share as per cent. */
export function percent(share: number, digits = 2): string {
  return `${(100 * share).toFixed(digits)} %`
}

/** A whole number with its thousands set apart. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en')
}
