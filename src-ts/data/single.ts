import { jpegFileSchema, opened, type JpegFile } from './bytes.js'
import { lift, NativeJpegSet } from '../native/addon.js'
import { checked } from '../options.js'
import { reading, readOptionsSchema, type JpegReadOptions } from './reading.js'

/**
 * Decodes one file, a path or bytes, into a set of its own, which is freed after use.
 *
 * @param asCoded whether coefficients that scans have not given stay as they were read
 * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`, or why the file gave no coefficients
 */
export async function withJpeg<T>(
  file: JpegFile,
  options: JpegReadOptions,
  where: string,
  use: (set: NativeJpegSet) => T | Promise<T>,
  asCoded = false,
): Promise<T> {
  const set = new NativeJpegSet({ ...reading(checked(readOptionsSchema, options, where)), asCoded })
  try {
    const { name, jpeg } = await opened(checked(jpegFileSchema, file, `${where}.file`), 'buffer', where)
    const report = lift(await (jpeg ? set.decodeBuffers([jpeg], [name]) : set.decodeFiles([name])))
    report.failures.forEach(({ failure }) => lift(failure))
    return await use(set)
  } finally {
    set.dispose()
  }
}
