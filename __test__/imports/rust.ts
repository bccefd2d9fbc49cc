import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Import } from './circles.js'

/** A name that a `use` brings into a module, or `*` for all of another's. */
interface Use {
  path: readonly string[]
  name: string
  handsOn: boolean
}

/** A file of a crate. */
interface Module {
  file: string
  /** Where it is in the crate, `conv2d::sandwich`; nothing for the crate's root. */
  path: string
  uses: readonly Use[]
  /** Its text without comments, strings, `use` and declarations of modules. */
  code: string
}

/** Where a path leads: a module of the crate, and the item in it, if it names one. */
interface Place {
  module: Module
  item: string | undefined
}

/**
 * What the files of a crate take from each other, by their `use` and by paths in their code. A name counts as of the file that has it,
 * through whatever modules hand it on; that a module declares its children and hands their names on is no import.
 */
export function rustImports(folder: string): Import[] {
  const modules = modulesOf(folder)
  const crate = new Crate(modules)
  return modules.flatMap(module => importsOf(module, crate))
}

function modulesOf(folder: string): Module[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.rs'))
    .map(name => name.replaceAll('\\', '/'))
    .sort()
    .map(file => {
      const path = file.replace(/(^|\/)(lib|main|mod)\.rs$/, '').replace(/\.rs$/, '')
      const written = withoutComments(readFileSync(join(folder, file), 'utf8'))
      const text = fromItsTop(written.replace(/\bpub\s*\(in [^)]*\)/g, 'pub').replace(/\bmod\s+\w+\s*;/g, ''))
      const uses: Use[] = []
      const code = text.replace(
        /(?<!\w)(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);/g,
        (_, visible: string | undefined, tree: string) => {
          uses.push(...usesOf(tree).map(use => ({ ...use, handsOn: visible !== undefined })))
          return ''
        },
      )
      return { file, path: path.replaceAll('/', '::'), uses, code }
    })
}

function withoutComments(text: string): string {
  return text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|\bb?r(#*)"[\s\S]*?"\1|\bb?"(?:\\[\s\S]|[^"\\])*"|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[^\n]+?|[^'\\\n])'/g,
    ' ',
  )
}

/** The same text with the paths of modules that are written out in it as from the file itself: their `super` is the file. */
function fromItsTop(text: string): string {
  const inline = /\bmod\s+\w+\s*\{/g
  let from = ''
  let at = 0
  for (let found = inline.exec(text); found; found = inline.exec(text)) {
    const start = found.index + found[0].length
    let [end, depth] = [start, 1]
    for (; depth > 0 && end < text.length; end += 1) depth += text[end] === '{' ? 1 : text[end] === '}' ? -1 : 0
    from += text.slice(at, start) + fromItsTop(text.slice(start, end)).replace(/\bsuper::/g, 'self::')
    at = inline.lastIndex = end
  }
  return from + text.slice(at)
}

/** The names of a tree such as `crate::{a::{b, c as d}, e}`. */
function usesOf(tree: string, before: readonly string[] = []): Omit<Use, 'handsOn'>[] {
  const [, head = '', branches] = /^\s*([^{]*?)\s*(?:\{([\s\S]*)\}\s*)?$/.exec(tree) ?? []
  const [written = '', alias] = head.split(/\s+as\s+/)
  const path = [...before, ...written.split('::').map(part => part.trim())].filter(part => part !== '')
  if (branches !== undefined) return split(branches).flatMap(branch => usesOf(branch, path))
  const whole = path.at(-1) === 'self' && path.length > 1 ? path.slice(0, -1) : path
  return [{ path: whole, name: alias ?? whole.at(-1) ?? '' }]
}

/** Splits at commas that are in no braces. */
function split(text: string): string[] {
  const parts: string[] = ['']
  let depth = 0
  for (const letter of text) {
    depth += letter === '{' ? 1 : letter === '}' ? -1 : 0
    if (letter === ',' && depth === 0) parts.push('')
    else parts.push(parts.pop() + letter)
  }
  return parts.filter(part => part.trim() !== '')
}

function importsOf(module: Module, crate: Crate): Import[] {
  const places: Place[] = []
  const take = (place: Place | undefined) => {
    if (place && place.module !== module) places.push(place)
  }
  for (const use of module.uses) {
    const place = crate.placeOf(use.path, module)
    const named = use.name !== '*' && new RegExp(`\\b${use.name}\\b`).test(module.code)
    // What a module only hands on of its children it does not need itself.
    if (use.handsOn && !named && place && isBelow(place.module, module)) continue
    // A module that is named to take from it: what is taken stands in the code.
    if (place && place.item === undefined && new RegExp(`\\b${use.name}::`).test(module.code)) continue
    take(place)
  }
  for (const [path] of module.code.matchAll(/(?<![\w:.])[a-z_]\w*(?:::\w+)+/g)) {
    take(crate.placeOf(path.split('::'), module))
  }
  const byFile = new Map<string, Set<string>>()
  for (const { module, item } of places) {
    byFile.set(module.file, (byFile.get(module.file) ?? new Set()).add(item ?? module.path))
  }
  return [...byFile].map(([to, names]) => ({ from: module.file, to, names: [...names].sort() }))
}

function isBelow(module: Module, above: Module): boolean {
  return above.path === '' || module.path.startsWith(`${above.path}::`)
}

class Crate {
  readonly #modules: ReadonlyMap<string, Module>

  constructor(modules: readonly Module[]) {
    this.#modules = new Map(modules.map(module => [module.path, module]))
  }

  /** Where a path that stands in a module leads; nothing if that is out of the crate. `through` keeps it from going round. */
  placeOf(path: readonly string[], from: Module, through: readonly string[] = []): Place | undefined {
    const [first = '', ...rest] = path
    if (first === 'crate') return this.#below(this.#modules.get(''), rest, through)
    if (first === 'self') return this.#below(from, rest, through)
    if (first === 'super') return this.#below(this.#parent(from), rest, through)
    const isKnown = this.#child(from, first) !== undefined || from.uses.some(({ name }) => name === first)
    return isKnown ? this.#below(from, path, through) : undefined
  }

  /** Where the rest of a path leads from a module on. */
  #below(module: Module | undefined, path: readonly string[], through: readonly string[]): Place | undefined {
    const [name, ...rest] = path
    if (!module) return undefined
    if (name === undefined || name === '*') return { module, item: name }
    if (name === 'super') return this.#below(this.#parent(module), rest, through)
    const child = this.#child(module, name)
    const here = `${module.path}::${name}`
    const uses = through.includes(here) ? [] : module.uses
    // A module and a function may have the same name: the last of a path is the function if there is one.
    const handed = uses.find(use => use.name === name && (child === undefined || rest.length === 0))
    if (handed) return this.placeOf([...handed.path, ...rest], module, [...through, here])
    if (child) return this.#below(child, rest, through)
    const all = uses
      .filter(use => use.name === '*')
      .map(use => this.placeOf([...use.path.slice(0, -1), name], module, [...through, here]))
    return all.find(place => place && defines(place.module, name)) ?? { module, item: name }
  }

  #child(module: Module, name: string): Module | undefined {
    return this.#modules.get(module.path === '' ? name : `${module.path}::${name}`)
  }

  #parent(module: Module): Module | undefined {
    return this.#modules.get(module.path.split('::').slice(0, -1).join('::'))
  }
}

function defines({ code }: Module, name: string): boolean {
  return new RegExp(`\\b(fn|struct|enum|trait|type|const|static|union|macro_rules!)\\s+${name}\\b`).test(code)
}
