/** The file of a network in a folder. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { mismatch } from '../errors.js'

/** What is at a path, if there is anything. */
export async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && (found.isDirectory() ? 'folder' : 'file')
}

/** What a network's file is called. */
const NETWORK = /^model\.json$|\.(model|safetensors)$/

/**
 * The one file of a network in a folder or in a folder of it.
 *
 * @throws ModelError `FILE_NOT_FOUND`, under `name`, if there is none or more than one
 */
export async function networkIn(folder: string, name: string): Promise<string> {
  const inside = async (below: string) => {
    const entries = await readdir(below, { withFileTypes: true })
    return entries.filter(entry => !entry.name.startsWith('.') && entry.name !== 'node_modules')
  }
  const own = await inside(folder)
  const files = own.filter(entry => entry.isFile() && NETWORK.test(entry.name)).map(entry => join(folder, entry.name))
  if (files.length === 0) {
    for (const entry of own.filter(entry => entry.isDirectory())) {
      const below = join(folder, entry.name)
      const found = (await inside(below)).filter(entry => entry.isFile() && NETWORK.test(entry.name))
      files.push(...found.map(entry => join(below, entry.name)))
    }
  }
  const [only] = files
  if (only !== undefined && files.length === 1) return only
  const expected = 'one network in it: a model.json, a .safetensors or a .model'
  throw mismatch('FILE_NOT_FOUND', name, expected, files.length === 0 ? 'none' : `${files.length}: ${files.join(', ')}`)
}
