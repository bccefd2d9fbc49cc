/** Lines of a CSV file (RFC 4180), which a spreadsheet can open without running what a file's name says. */

/** A cell: a number and text as they are, nothing as an empty one. */
export type Cell = string | number | null | undefined

/** Cells as a line without its end. */
export function csvLine(cells: readonly Cell[]): string {
  return cells.map(cell => quoted(String(cell ?? ''))).join(',')
}

function quoted(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** A path that no spreadsheet takes for a formula: one that begins like one begins with `./` instead, which is the same file. */
export function pathCell(path: string): string {
  return /^[=+\-@\t\r]/.test(path) ? `./${path}` : path
}

/** Text that no spreadsheet takes for a formula: what begins like one, and is no number, has a `'` before it. */
export function textCell(text: string): string {
  const isFormula = /^[=@\t\r]/.test(text) || (/^[+-]/.test(text) && !Number.isFinite(Number(text)))
  return isFormula ? `'${text}` : text
}
