import { lift } from '../native/addon.js'
import type { JpegColour } from './inspect.js'
import type { JpegReadOptions } from './reading.js'
import { withJpeg } from './single.js'

/** A component's quantised coefficients, zeros included. */
export interface CoefficientPlane {
  /** The file's name for it, 0–255. */
  id: number
  /** Horizontal and vertical sampling factors, 1–4. */
  sampling: readonly [number, number]
  /** Blocks high and wide, without those that only complete an MCU. */
  blocks: readonly [number, number]
  /** Quantisation steps `[8, 8]`, row-major. */
  quantisation: Uint16Array
  /** `[blocks high, blocks wide, 8, 8]`, row-major, vertical frequency first. */
  values: Int16Array
}

/** All that a JPEG file says of its pixels. */
export interface JpegCoefficients {
  /** Pixels from left to right, as they are stored. */
  width: number
  /** Pixels from top to bottom. */
  height: number
  /** What the components stand for. */
  colour: JpegColour
  /** Whether samples of `cmyk` are stored inverted, as Adobe's programs do; those of `ycck` always are. */
  inverted: boolean
  /** How the picture is to be turned to be seen upright, 1–8 as in Exif data. */
  orientation: number
  /** In the file's order. */
  components: readonly CoefficientPlane[]
}

/**
 * All quantised coefficients of a JPEG file with what it takes to write them again ({@link writeJpeg}).
 *
 * @param file a path, or the bytes of a file
 * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`, or why the file gave no coefficients
 */
export async function jpegCoefficients(
  file: string | Uint8Array,
  options: JpegReadOptions = {},
): Promise<JpegCoefficients> {
  return withJpeg(file, options, 'jpegCoefficients', async set => {
    const { width, height, colour, inverted, orientation, components } = lift(set.describe(0))
    const planes = components.map(
      async (
        { id, horizontal, vertical, blocksHigh, blocksWide, quantisation },
        component,
      ): Promise<CoefficientPlane> => ({
        id,
        sampling: [horizontal, vertical],
        blocks: [blocksHigh, blocksWide],
        quantisation: Uint16Array.from(quantisation),
        values: lift(await set.coefficients(0, component)),
      }),
    )
    return { width, height, colour, inverted, orientation, components: await Promise.all(planes) }
  })
}
