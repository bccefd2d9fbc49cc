/** Lines of cells, aligned by columns under a header and a rule; the numeric column to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], numeric: number): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map(row => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        column === numeric ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  const rule = widths.map(width => '─'.repeat(width)).join('──')
  return [line(header), rule, ...rows.map(line)].join('\n')
}
