/** The same images as files of another quality, made from coefficients: no encoder, no pixels. */
import { jpegCoefficients, type CoefficientPlane, type JpegCoefficients } from '../data/coefficients.js'
import { loadDataset, type Dataset } from '../data/dataset.js'
import { jpegImages, type LabelledFile, type LabelledImage } from '../data/images.js'
import { throwIfAborted } from '../data/iteration.js'
import { writeJpeg } from '../data/lossless.js'
import { spread } from './data.js'
import type { PartContext, Settings } from './experiment.js'

/** Files that are made at a time. */
const AT_ONCE = 256

/** The quantisation steps of the JPEG standard's annex K, row-major, which encoders scale by quality. */
const LUMINANCE = [
  16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
  87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
  72, 92, 95, 98, 112, 100, 103, 99,
]
const CHROMINANCE = [
  17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99,
  99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
  99, 99, 99, 99, 99, 99,
]

/** Steps of a quality 1…100, as libjpeg scales them. */
export function stepsOf(quality: number, table: 'luminance' | 'chrominance'): Uint16Array {
  const scale = quality < 50 ? Math.floor(5000 / quality) : 200 - 2 * quality
  const scaled = (step: number) => Math.min(255, Math.max(1, Math.floor((step * scale + 50) / 100)))
  return Uint16Array.from((table === 'luminance' ? LUMINANCE : CHROMINANCE).map(scaled))
}

/**
 * The coefficients that a file of this quality has: each dequantised and quantised anew. An encoder that starts from the
 * decoded image gets the same up to its rounding of pixels to 8 bits; what the file had lost stays lost.
 */
export function requantised(coefficients: JpegCoefficients, quality: number): JpegCoefficients {
  const { colour, components } = coefficients
  const isChrominance = (index: number) => (colour === 'ycbcr' || colour === 'ycck') && (index === 1 || index === 2)
  return {
    ...coefficients,
    components: components.map((plane, index) =>
      withSteps(plane, stepsOf(quality, isChrominance(index) ? 'chrominance' : 'luminance')),
    ),
  }
}

function withSteps(plane: CoefficientPlane, steps: Uint16Array): CoefficientPlane {
  const values = plane.values.map((value, at) => {
    if (value === 0) return 0
    const [from, to] = [plane.quantisation[at % 64] as number, steps[at % 64] as number]
    return Math.max(-1023, Math.min(1023, Math.round((value * from) / to)))
  })
  return { ...plane, quantisation: steps, values }
}

/** Images of a set as files of a quality; fewer, spread over the classes, if `most` are asked for. */
export async function requantisedImages(
  { pictures, most: all }: Pick<Settings, 'pictures' | 'most'>,
  { set, quality, most = all }: { set: 'train' | 'test'; quality: number; most?: number },
  context: PartContext,
): Promise<LabelledImage<Uint8Array>[]> {
  const files = pictures[set]
  const count = Math.min(files.length, most)
  const chosen = spread(files.length, count)
  const images: LabelledImage<Uint8Array>[] = []
  for (let start = 0; start < count; start += AT_ONCE) {
    throwIfAborted(context.signal)
    const some = chosen.slice(start, start + AT_ONCE).map(async number => {
      const { file, label } = files[number] as LabelledFile
      const jpeg = await writeJpeg(requantised(await jpegCoefficients(file), quality))
      return { jpeg, label, name: file }
    })
    images.push(...(await Promise.all(some)))
  }
  return images
}

/** The same as a data set. */
export async function requantisedSet(
  ...[settings, what, context]: Parameters<typeof requantisedImages>
): Promise<Dataset> {
  return loadDataset(jpegImages(await requantisedImages(settings, what, context)), { signal: context.signal })
}
