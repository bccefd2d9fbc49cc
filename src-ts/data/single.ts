import { lift, NativeJpegSet } from '../native/addon.js'

/**
 * Decodes one file, a path or bytes, into a set of its own, which is freed after use.
 *
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, or why the file gave no coefficients
 */
export async function withJpeg<T>(file: string | Uint8Array, use: (set: NativeJpegSet) => T | Promise<T>): Promise<T> {
  const set = new NativeJpegSet()
  try {
    const named = typeof file === 'string'
    const report = lift(await (named ? set.decodeFiles([file]) : set.decodeBuffers([file], ['buffer'])))
    report.failures.forEach(({ failure }) => lift(failure))
    return await use(set)
  } finally {
    set.dispose()
  }
}
