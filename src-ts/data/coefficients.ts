import { lift } from '../native/addon.js'
import { withJpeg } from './single.js'

/** A component's quantised coefficients, zeros included. */
export interface CoefficientPlane {
  /** Blocks high and wide. */
  blocks: [number, number]
  /** `[blocks high, blocks wide, 8, 8]`, row-major, vertical frequency first. */
  values: Int16Array
}

/**
 * All quantised coefficients of a JPEG file, a plane a component.
 *
 * @param file a path, or the bytes of a file
 * @throws ModelError `FILE_NOT_FOUND`, `FILE_UNREADABLE`, or why the file gave no coefficients
 */
export async function jpegCoefficients(file: string | Uint8Array): Promise<CoefficientPlane[]> {
  return withJpeg(file, set => {
    const planes = lift(set.describe(0)).components.map(async ({ blocksHigh, blocksWide }, component) => ({
      blocks: [blocksHigh, blocksWide] as [number, number],
      values: lift(await set.coefficients(0, component)),
    }))
    return Promise.all(planes)
  })
}
