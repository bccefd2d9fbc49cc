/**
 * Pixels as the network's definition sees them, in floating point: libjpeg's without its rounding and clamping. Fed to a
 * peer's network, they must give our logits up to float32's error, whatever decoders round.
 */
import { jpegCoefficients, type InputDefinition } from 'jpegnet'

/** Basis of the orthonormal 8-point DCT: `BASIS[u][x] = c(u)·cos((2x + 1)uπ / 16)`. */
const BASIS = Array.from({ length: 8 }, (_, u) =>
  Array.from({ length: 8 }, (_, x) => Math.sqrt((u === 0 ? 1 : 2) / 8) * Math.cos(((2 * x + 1) * u * Math.PI) / 16)),
)

/** A component's samples, row-major. */
interface Plane {
  height: number
  width: number
  samples: Float64Array
}

/** Normalised pixels `[files, 3, height, width]`. */
export async function floatPixels(files: readonly string[], input: InputDefinition): Promise<Float32Array> {
  const area = input.height * input.width
  const pixels = new Float32Array(files.length * 3 * area)
  for (const [index, file] of files.entries()) {
    const [luma, cb, cr] = await planes(file, input)
    for (let at = 0; at < area; at++) {
      const [y, b, r] = [luma.samples[at], cb.samples[at], cr.samples[at]] as [number, number, number]
      const colours = [y + 1.402 * r, y - 0.344136286 * b - 0.714136286 * r, y + 1.772 * b]
      colours.forEach((colour, channel) => {
        const [mean, std] = [input.mean[channel], input.std[channel]] as [number, number]
        pixels[(index * 3 + channel) * area + at] = ((colour + 128) / 255 - mean) / std
      })
    }
  }
  return pixels
}

/** Luma and both chroma planes at the picture's size, without JPEG's offset of 128. */
async function planes(file: string, { height, width }: InputDefinition): Promise<[Plane, Plane, Plane]> {
  const { components } = await jpegCoefficients(file)
  const [most] = components.map(({ sampling }) => sampling) as [readonly [number, number]]
  const all = components.map(({ sampling, blocks, quantisation, values }) => {
    const [horizontal, vertical] = [most[0] / sampling[0], most[1] / sampling[1]]
    let plane = cropped(inverseDct(values, blocks, quantisation), height / vertical, width / horizontal)
    if (vertical === 2) plane = transposed(widened(transposed(plane)))
    if (horizontal === 2) plane = widened(plane)
    if (plane.height !== height || plane.width !== width) {
      throw new Error(`${file}: expected a picture of ${width}×${height} sampled 1×1, 2×1 or 2×2, found another`)
    }
    return plane
  })
  return all as [Plane, Plane, Plane]
}

function inverseDct(values: Int16Array, [high, wide]: readonly [number, number], quantisation: Uint16Array): Plane {
  const width = wide * 8
  const samples = new Float64Array(high * 8 * width)
  for (let block = 0; block < high * wide; block++) {
    const origin = Math.floor(block / wide) * 8 * width + (block % wide) * 8
    for (let k = 0; k < 64; k++) {
      const coefficient = (values[block * 64 + k] as number) * (quantisation[k] as number)
      if (coefficient === 0) continue
      const [vertical, horizontal] = [BASIS[k >> 3], BASIS[k & 7]] as [number[], number[]]
      for (let y = 0; y < 8; y++) {
        const row = coefficient * (vertical[y] as number)
        for (let x = 0; x < 8; x++) {
          const at = origin + y * width + x
          samples[at] = (samples[at] as number) + row * (horizontal[x] as number)
        }
      }
    }
  }
  return { height: high * 8, width, samples }
}

function cropped({ width: wide, samples }: Plane, height: number, width: number): Plane {
  const kept = Float64Array.from({ length: height * width }, (_, at) => {
    return samples[Math.floor(at / width) * wide + (at % width)] as number
  })
  return { height, width, samples: kept }
}

function transposed({ height, width, samples }: Plane): Plane {
  const turned = samples.map((_, at) => samples[(at % height) * width + Math.floor(at / height)] as number)
  return { height: width, width: height, samples: turned }
}

/** Twice as wide by libjpeg's triangle filter: ¾ of the nearer sample, ¼ of the further, the edge repeated. */
function widened({ height, width, samples }: Plane): Plane {
  const doubled = Float64Array.from({ length: height * width * 2 }, (_, at) => {
    const column = at % (2 * width)
    const row = Math.floor(at / (2 * width)) * width
    const near = column >> 1
    const far = Math.min(Math.max(near + (column % 2 === 0 ? -1 : 1), 0), width - 1)
    return 0.75 * (samples[row + near] as number) + 0.25 * (samples[row + far] as number)
  })
  return { height, width: 2 * width, samples: doubled }
}
