/** Small JPEG files for pages, made from the coefficients of large ones. */
import type { CoefficientPlane, JpegCoefficients } from '../data/coefficients.js'
import { writeJpeg } from '../data/lossless.js'

const BLOCK = 8

/** Longest side of what is kept as it is, and of what is made. */
const SIDE = 320

/** Quantisation of what is made: finer than what eyes see at this size, coarser for higher frequencies. */
const QUANTISATION = Uint16Array.from({ length: BLOCK * BLOCK }, (_, at) => 3 + Math.floor(at / BLOCK) + (at % BLOCK))

/**
 * A JPEG file of an image without the remarks of its own file, such as where it was taken. A larger one is made smaller: the
 * lowest frequencies of its blocks are those of smaller ones.
 */
export function smallJpeg(coefficients: JpegCoefficients): Promise<Uint8Array> {
  const { width, height, components } = coefficients
  const longest = Math.max(width, height)
  if (longest <= SIDE) return writeJpeg(coefficients)
  // Of a block so many samples a side are left; of single ones, means of so many.
  const samples = [4, 2, 1].find(samples => (longest * samples) / BLOCK <= SIDE) ?? 1
  const mean = Math.ceil((longest * samples) / BLOCK / SIDE)
  const shrunk = (side: number) => Math.max(1, Math.floor((side * samples) / BLOCK / mean))
  const [wide, high] = [shrunk(width), shrunk(height)]
  const most = [0, 1].map(axis => Math.max(...components.map(({ sampling }) => sampling[axis] as number))) as [
    number,
    number,
  ]
  const planes = components.map(plane => {
    const [horizontal, vertical] = plane.sampling
    const size = [Math.ceil((high * vertical) / most[1]), Math.ceil((wide * horizontal) / most[0])] as const
    return { ...plane, ...coefficientsOf(pixelsOf(plane, samples, mean), size), quantisation: QUANTISATION }
  })
  return writeJpeg({ ...coefficients, width: wide, height: high, components: planes })
}

/** Samples of a plane, around 0. */
interface Samples {
  high: number
  wide: number
  values: Float32Array
}

/** A plane with so many samples a block and axis, of which means are taken. */
function pixelsOf(
  { blocks: [high, wide], quantisation, values }: CoefficientPlane,
  samples: number,
  mean: number,
): Samples {
  const basis = cosines(samples)
  const stride = wide * samples
  const pixels = new Float32Array(high * samples * stride)
  const rows = new Float32Array(samples * samples)
  for (let block = 0; block < high * wide; block++) {
    const first = Math.floor(block / wide) * samples * stride + (block % wide) * samples
    const at = block * BLOCK * BLOCK
    // Rows of frequencies to rows of samples, then columns.
    for (let v = 0; v < samples; v++) {
      for (let x = 0; x < samples; x++) {
        let sum = 0
        for (let u = 0; u < samples; u++) {
          const frequency = v * BLOCK + u
          sum +=
            (values[at + frequency] as number) *
            (quantisation[frequency] as number) *
            (basis[u * samples + x] as number)
        }
        rows[v * samples + x] = sum
      }
    }
    for (let y = 0; y < samples; y++) {
      for (let x = 0; x < samples; x++) {
        let sum = 0
        for (let v = 0; v < samples; v++) sum += (rows[v * samples + x] as number) * (basis[v * samples + y] as number)
        pixels[first + y * stride + x] = (sum * samples) / BLOCK
      }
    }
  }
  return meansOf({ high: high * samples, wide: stride, values: pixels }, mean)
}

/** Means of squares of samples; those that fill no square are left out, unless there is no other. */
function meansOf(plane: Samples, side: number): Samples {
  if (side === 1) return plane
  const [high, wide] = [plane.high, plane.wide].map(length => Math.max(1, Math.floor(length / side))) as [
    number,
    number,
  ]
  const values = Float32Array.from({ length: high * wide }, (_, at) => {
    const [top, left] = [Math.floor(at / wide) * side, (at % wide) * side]
    let sum = 0
    for (let y = 0; y < side; y++) for (let x = 0; x < side; x++) sum += sampleAt(plane, top + y, left + x)
    return sum / (side * side)
  })
  return { high, wide, values }
}

/** A sample, or the nearest of those that there are. */
function sampleAt({ high, wide, values }: Samples, row: number, column: number): number {
  return values[Math.min(row, high - 1) * wide + Math.min(column, wide - 1)] as number
}

/** Quantised coefficients of samples, of so many rows and columns of them. */
function coefficientsOf(plane: Samples, [rows, columns]: readonly [number, number]) {
  const [high, wide] = [Math.ceil(rows / BLOCK), Math.ceil(columns / BLOCK)]
  const basis = cosines(BLOCK)
  const values = new Int16Array(high * wide * BLOCK * BLOCK)
  for (let block = 0; block < high * wide; block++) {
    const [top, left] = [Math.floor(block / wide) * BLOCK, (block % wide) * BLOCK]
    // What a block has beyond the image repeats its edge.
    const samples = Float32Array.from({ length: BLOCK * BLOCK }, (_, at) => {
      const [row, column] = [top + Math.floor(at / BLOCK), left + (at % BLOCK)]
      return sampleAt(plane, Math.min(row, rows - 1), Math.min(column, columns - 1))
    })
    for (let v = 0; v < BLOCK; v++) {
      for (let u = 0; u < BLOCK; u++) {
        let sum = 0
        for (let at = 0; at < BLOCK * BLOCK; at++) {
          sum +=
            (samples[at] as number) * (basis[v * BLOCK + (at >> 3)] as number) * (basis[u * BLOCK + (at & 7)] as number)
        }
        const frequency = v * BLOCK + u
        values[(block << 6) + frequency] = Math.round(sum / (QUANTISATION[frequency] as number))
      }
    }
  }
  return { blocks: [high, wide] as const, values }
}

/** Orthonormal cosines: `[frequency · samples + sample]`. */
function cosines(samples: number): Float32Array {
  return Float32Array.from({ length: samples * samples }, (_, at) => {
    const [frequency, sample] = [Math.floor(at / samples), at % samples]
    const scale = Math.sqrt((frequency === 0 ? 1 : 2) / samples)
    return scale * Math.cos(((2 * sample + 1) * frequency * Math.PI) / (2 * samples))
  })
}
