/** Blocks of coefficients to pixels. Files of this folder are plain scripts that share their names; the page has them in one. */

type PageData = import('../pageData.js').PageData
type ComponentData = import('../pageData.js').ComponentData
type LayerData = import('../pageData.js').LayerData

const SIDE = 8
const BLOCK = 64
const ALL = 15

/** A plane of coefficients, dequantised and orthonormal. */
interface Plane {
  /** True size in pixels. */
  height: number
  width: number
  /** Blocks. */
  high: number
  wide: number
  /** `[high, wide, 8, 8]`. */
  values: Float32Array
}

/** `BASIS[8·frequency + pixel]`. */
const BASIS = Float32Array.from({ length: BLOCK }, (_, at) => {
  const [frequency, pixel] = [at >> 3, at & 7]
  return Math.sqrt(frequency === 0 ? 1 / 8 : 1 / 4) * Math.cos(((2 * pixel + 1) * frequency * Math.PI) / 16)
})

/** 16-bit whole numbers from base64. */
function whole16(text: string): Int16Array {
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0))
  const view = new DataView(bytes.buffer)
  return Int16Array.from({ length: bytes.length / 2 }, (_, at) => view.getInt16(2 * at, true))
}

/** The 64 pixels of a block, of its frequencies α + β < φ alone. */
function blockPixels(values: ArrayLike<number>, first: number, frequencies: number): Float32Array {
  const rows = new Float32Array(BLOCK)
  for (let vertical = 0; vertical < Math.min(SIDE, frequencies); vertical++) {
    for (let horizontal = 0; horizontal < Math.min(SIDE, frequencies - vertical); horizontal++) {
      const value = values[first + SIDE * vertical + horizontal] as number
      if (value === 0) continue
      for (let x = 0; x < SIDE; x++) rows[SIDE * vertical + x]! += value * (BASIS[SIDE * horizontal + x] as number)
    }
  }
  const pixels = new Float32Array(BLOCK)
  for (let vertical = 0; vertical < Math.min(SIDE, frequencies); vertical++) {
    for (let y = 0; y < SIDE; y++) {
      const weight = BASIS[SIDE * vertical + y] as number
      for (let x = 0; x < SIDE; x++) pixels[SIDE * y + x]! += weight * (rows[SIDE * vertical + x] as number)
    }
  }
  return pixels
}

/** The pixels `[height, width]` of a plane, of its frequencies α + β < φ alone. */
function planePixels({ height, width, high, wide, values }: Plane, frequencies: number): Float32Array {
  const pixels = new Float32Array(height * width)
  for (let block = 0; block < high * wide; block++) {
    const [top, left] = [SIDE * Math.floor(block / wide), SIDE * (block % wide)]
    if (top >= height || left >= width) continue
    const own = blockPixels(values, BLOCK * block, frequencies)
    for (let y = 0; y < Math.min(SIDE, height - top); y++) {
      for (let x = 0; x < Math.min(SIDE, width - left); x++) {
        pixels[(top + y) * width + left + x] = own[SIDE * y + x] as number
      }
    }
  }
  return pixels
}

/** A component of the file. */
function componentPlane({ height, width, high, wide, steps, values }: ComponentData): Plane {
  const quantised = whole16(values)
  return { height, width, high, wide, values: Float32Array.from(quantised, (value, at) => value * steps[at % BLOCK]!) }
}

/** One of the channels of a layer that are shown. */
function layerPlane({ shape, scales, values }: LayerData, shown: number): Plane {
  const [, height = 1, width = 1] = shape
  const [high, wide] = [Math.ceil(height / SIDE), Math.ceil(width / SIDE)]
  const length = high * wide * BLOCK
  const units = whole16(values).subarray(shown * length, (shown + 1) * length)
  return { height, width, high, wide, values: Float32Array.from(units, unit => unit * scales[shown]!) }
}
