import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Import } from './circles.js'

/** The files of a folder and all that they import, types too: `to` is a file below the same root, or a package as it is written. */
export function typescriptImports(root: string, folder: string): { files: string[]; imports: Import[] } {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter(name => /\.(ts|mts|js|mjs)$/.test(name))
    .map(name => join(folder, name).replaceAll('\\', '/'))
    .sort()
  return { files, imports: files.flatMap(file => importsOf(file, readFileSync(join(root, file), 'utf8'), files)) }
}

const IMPORT = /^(?:import|export)\b([^'"]*?)from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm

function importsOf(from: string, text: string, files: readonly string[]): Import[] {
  return [...text.matchAll(IMPORT)].map(([, clause = '', named, bare, dynamic]) => {
    const specifier = named ?? bare ?? dynamic ?? ''
    const names = namesOf(clause)
    if (!specifier.startsWith('.')) return { from, to: specifier, names }
    const path = join(dirname(from), specifier).replaceAll('\\', '/')
    return { from, to: files.includes(path) ? path : path.replace(/\.(m?)js$/, '.$1ts'), names }
  })
}

/** The names of `type { A, b as c }` or `* as d`. */
function namesOf(clause: string): string[] {
  return clause
    .replace(/^\s*type\b/, '')
    .split(/[{},]/)
    .map(name => name.replace(/^\s*type\s/, '').trim())
    .filter(name => name !== '')
}
