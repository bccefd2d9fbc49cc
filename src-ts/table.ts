/** Text in columns. */

/** Lines of cells, aligned by columns under a header and a rule; the numeric columns to the right. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  numeric: readonly number[],
): string {
  const widths = header.map((title, column) => Math.max(...[title, ...rows.map(row => row[column] ?? '')].map(widthOf)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const room = ' '.repeat((widths[column] ?? 0) - widthOf(cell))
        return numeric.includes(column) ? room + cell : cell + room
      })
      .join('  ')
      .trimEnd()
  const rule = widths.map(width => '─'.repeat(width)).join('──')
  return [line(header), rule, ...rows.map(line)].join('\n')
}

/** Characters that take two columns of a terminal: those of East Asia and images. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/gu
/** Characters that are drawn onto the one before. */
const COMBINED = /[\p{Mn}\p{Me}\u200b-\u200d\ufe0f]/gu

/** Columns that a text takes in a terminal. */
export function widthOf(text: string): number {
  const own = text.replace(COMBINED, '')
  return [...own].length + (own.match(WIDE)?.length ?? 0)
}
