import { lift, type BindingJpegDescription } from '../native/addon.js'
import type { JpegFile } from './bytes.js'
import type { JpegReadOptions, JpegWarning } from './reading.js'
import { withJpeg } from './single.js'

/** One component of a JPEG file. */
export interface JpegComponent {
  /** The file's name for it. */
  id: number
  /** Horizontal and vertical sampling factors. */
  sampling: [number, number]
  /** Blocks high and wide. */
  blocks: [number, number]
  /** Quantisation steps, row-major. */
  quantisation: number[]
  /** Non-zero coefficients of all blocks. */
  nonZeros: number
  /** Non-zero coefficients a block. */
  nonZerosPerBlock: number
}

/** What the components of a JPEG file stand for. */
export type JpegColour = 'gray' | 'ycbcr' | 'rgb' | 'cmyk' | 'ycck'

/** How a JPEG file's coefficients are coded. */
export type JpegCoding = 'baseline' | 'extended' | 'progressive' | 'arithmetic' | 'progressive-arithmetic'

/** What a JPEG file is, without its pixels. */
export interface JpegInspection {
  file: string
  /** Pixels from left to right, as they are stored. */
  width: number
  height: number
  /** What the components stand for: libjpeg's reading of the JFIF and Adobe markers and the components' names. */
  colour: JpegColour
  /** Whether samples are stored inverted, 255 for no ink: those of `cmyk` and `ycck`. */
  inverted: boolean
  /** Chroma subsampling in the usual notation, `4:2:0`; `gray` for one component. */
  sampling: string
  /** How the coefficients are coded: block after block (`baseline`, `extended`, `arithmetic`) or in scans that add to each other. */
  coding: JpegCoding
  /** How the image is to be turned to be seen upright: 1 as it is stored, up to 8 as in Exif data. */
  orientation: number
  /** Bytes of the ICC profile, if there is one. Colours are taken as if there were none. */
  iccBytes?: number | undefined
  fileBytes: number
  /** Bytes it takes in memory in sparse form. */
  sparseBytes: number
  /** Non-zero coefficients a block, over all components. */
  nonZerosPerBlock: number
  components: JpegComponent[]
  /** What is odd about the file without the image being in doubt. */
  notes: string[]
  /** libjpeg's warnings; none unless damaged files are used. */
  warnings: JpegWarning[]
}

/**
 * Size, colours, coding, orientation, components, sampling, quantisation and sparsity of a JPEG file.
 *
 * @param file a path, a `file:` URL, or the bytes of a file, whatever they are in
 * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`, `FILE_UNREADABLE`, or why the file gave no coefficients
 */
export async function inspectJpeg(file: JpegFile, options: JpegReadOptions = {}): Promise<JpegInspection> {
  return withJpeg(file, options, 'inspectJpeg', set => inspection(lift(set.describe(0))))
}

/** A description as users see it. */
export function inspection({ name, components, ...rest }: BindingJpegDescription): JpegInspection {
  const blocks = components.reduce((sum, { blocksHigh, blocksWide }) => sum + blocksHigh * blocksWide, 0)
  const nonZeros = components.reduce((sum, component) => sum + component.nonZeros, 0)
  return {
    file: name,
    ...rest,
    sampling: notation(components.map(({ horizontal, vertical }) => [horizontal, vertical])),
    nonZerosPerBlock: nonZeros / blocks,
    components: components.map(component => ({
      id: component.id,
      sampling: [component.horizontal, component.vertical],
      blocks: [component.blocksHigh, component.blocksWide],
      quantisation: component.quantisation,
      nonZeros: component.nonZeros,
      nonZerosPerBlock: component.nonZeros / (component.blocksHigh * component.blocksWide),
    })),
  }
}

/** J:a:b notation where there is one, the factors themselves where there is none. */
function notation(factors: [number, number][]): string {
  const [luma, cb, cr] = factors
  if (luma === undefined || cb === undefined || cr === undefined) return 'gray'
  const known: Record<string, string> = {
    '1x1': '4:4:4',
    '2x1': '4:2:2',
    '1x2': '4:4:0',
    '2x2': '4:2:0',
    '4x1': '4:1:1',
  }
  const name = known[`${luma[0] / cb[0]}x${luma[1] / cb[1]}`]
  const same = cb[0] === cr[0] && cb[1] === cr[1]
  return (same && factors.length === 3 && name) || factors.map(pair => pair.join('x')).join(',')
}
