/** Files that are written whole or not at all. */
import { lift, writeFile } from './native/addon.js'

/**
 * Writes a file: aside first, flushed to the disk, then renamed over the old one, which a failure leaves as it was.
 *
 * @throws ModelError `WRITE_FAILED`
 */
export async function writeWhole(path: string, contents: string | Uint8Array): Promise<void> {
  lift(await writeFile(path, typeof contents === 'string' ? Buffer.from(contents) : contents))
}
