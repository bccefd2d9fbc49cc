/** Files with the names of a network's classes, in the order of its answers. */
import { readFile } from 'node:fs/promises'
import { ModelError, mismatch } from '../errors.js'

/**
 * The names that a file holds: a line each, or, of a `.json`, a list or an object of names by their numbers from 0.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`
 */
export async function readClassNames(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const code = cause.code === 'ENOENT' ? 'FILE_NOT_FOUND' : 'FILE_UNREADABLE'
    throw new ModelError(code, `${path}: expected a readable text file, found ${cause.message}`, { path, cause })
  })
  if (path.endsWith('.json')) return namesInJson(text, path)
  return text.split(/\r?\n/).filter(line => line.trim() !== '')
}

/** Names of which none is there twice: those that are (ImageNet's crane, a bird and a machine) are followed by their numbers. */
export function distinctNames(names: readonly string[]): string[] {
  const twice = new Set(namesGivenTwice(names))
  return names.map((name, number) => (twice.has(name) ? `${name} (${number})` : name))
}

/** The names that several classes have. */
export function namesGivenTwice(names: readonly string[]): string[] {
  return [...new Set(names.filter((name, number) => names.indexOf(name) !== number))]
}

/** `["tench", …]` or `{ "0": "tench", … }`. */
function namesInJson(text: string, path: string): string[] {
  const expected = 'a list of names, or an object of names by their numbers from 0'
  const wrong = (found: string) => mismatch('FILE_UNREADABLE', path, expected, found)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw wrong(cause instanceof Error ? cause.message : String(cause))
  }
  if (typeof value !== 'object' || value === null) throw wrong(typeof value)
  const byNumber = value as Record<string, unknown>
  const count = Object.keys(byNumber).length
  return Array.from({ length: count }, (_, number) => {
    const name = byNumber[number]
    if (typeof name !== 'string') throw wrong(`no name ${number}`)
    return name
  })
}
