/** Where things lie. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The project; this file runs from `.peers/build/`. */
export const root = fileURLToPath(new URL('../../', import.meta.url))

/** The repository's reference vectors. */
export const fixtures = join(root, '__test__/fixtures/reference')

/** A folder for what is made once and used again, outside version control. */
export async function cached(name: string): Promise<string> {
  const folder = join(root, '.peers', name)
  await mkdir(folder, { recursive: true })
  return folder
}
