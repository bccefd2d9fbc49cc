/** Decoding as it is done in Node: sharp, then normalised floats. */
import sharp, { type Sharp } from 'sharp'
import type { InputDefinition } from 'jpegnet'

/** How a network wants its input: channel planes, or channels last. */
export type Layout = 'NCHW' | 'NHWC'

/**
 * A decoder of batches, of pictures that `change` has brought to the network's size; sharp's own cache of operations is off,
 * because no file comes twice in a row.
 */
export function decoder(
  { mean, std, height, width }: Pick<InputDefinition, 'mean' | 'std' | 'height' | 'width'>,
  layout: Layout,
  threads: number,
  change: (picture: Sharp) => Sharp = picture => picture,
) {
  sharp.concurrency(threads)
  sharp.cache(false)
  const area = height * width
  // A sample has 256 values, so normalising is a look-up.
  const tables = [0, 1, 2].map(channel =>
    Float32Array.from({ length: 256 }, (_, sample) => {
      return (sample / 255 - (mean[channel] as number)) / (std[channel] as number)
    }),
  ) as [Float32Array, Float32Array, Float32Array]
  const [red, green, blue] = tables
  const [ofPixel, ofChannel] = layout === 'NCHW' ? [1, area] : [3, 1]

  /** Normalised pixels of all files, decoded side by side. */
  return async (files: readonly Uint8Array[]): Promise<Float32Array> => {
    const all = new Float32Array(files.length * 3 * area)
    await Promise.all(
      files.map(async (file, index) => {
        const { data, info } = await change(sharp(file)).raw().toBuffer({ resolveWithObject: true })
        if (info.width !== width || info.height !== height || info.channels !== 3) {
          throw new Error(`picture ${index}: expected ${width}×${height} in colour, found ${info.width}×${info.height}`)
        }
        let at = index * 3 * area
        for (let sample = 0; sample < 3 * area; sample += 3, at += ofPixel) {
          all[at] = red[data[sample] as number] as number
          all[at + ofChannel] = green[data[sample + 1] as number] as number
          all[at + 2 * ofChannel] = blue[data[sample + 2] as number] as number
        }
      }),
    )
    return all
  }
}
