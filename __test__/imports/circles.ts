/** One file's use of another. */
export interface Import {
  from: string
  to: string
  /** What the first takes from the second, as far as it is written. */
  names: readonly string[]
}

/** Files that all need each other, and what ties them. */
export interface Circle {
  files: string[]
  ties: Import[]
}

/** The circles among files: the strongly connected components of more than one, by Tarjan's algorithm. */
export function circlesOf(imports: readonly Import[]): Circle[] {
  const next = new Map<string, string[]>()
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to])
  const found: Circle[] = []
  const order = new Map<string, number>()
  const open: string[] = []
  /** Gives the earliest open file that a file leads back to. */
  const visit = (file: string): number => {
    const own = order.size
    order.set(file, own)
    open.push(file)
    let earliest = own
    for (const other of next.get(file) ?? []) {
      const seen = order.get(other)
      if (seen === undefined) earliest = Math.min(earliest, visit(other))
      else if (open.includes(other)) earliest = Math.min(earliest, seen)
    }
    if (earliest === own) {
      const files = open.splice(open.indexOf(file)).sort()
      const ties = imports.filter(({ from, to }) => files.includes(from) && files.includes(to))
      if (files.length > 1) found.push({ files, ties })
    }
    return earliest
  }
  for (const file of [...next.keys()].sort()) if (!order.has(file)) visit(file)
  return found.sort((a, b) => (a.files.join() < b.files.join() ? -1 : 1))
}

/** A circle in words: its files, and who takes what from whom. */
export function circleText({ files, ties }: Circle): string {
  const arrows = ties.map(({ from, to, names }) => `  ${from} takes ${names.join(', ') || 'all'} from ${to}`)
  return [`These files need each other: ${files.join(', ')}`, ...arrows].join('\n')
}
