/** Pictures as people have them, made anew: two kinds that a network tells apart, of any size, gray or in colour. */
import sharp from 'sharp'

/** What is to be seen: stripes that lie, or stripes that stand. */
export type Kind = 'lying' | 'standing'

/** How a picture is made. */
export interface PictureOptions {
  width: number
  height: number
  gray?: boolean
  /** What makes it another picture of its kind. */
  number?: number
}

/** A JPEG file of stripes, four pixels wide and moved by its number. */
export async function picture(
  kind: Kind,
  { width, height, gray = false, number = 0 }: PictureOptions,
): Promise<Buffer> {
  const channels = 3
  const pixels = Buffer.alloc(width * height * channels)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bright = ((kind === 'lying' ? y : x) + number) & 4 ? 200 : 60
      const at = (y * width + x) * channels
      pixels[at] = bright
      pixels[at + 1] = gray ? bright : (bright + 13 * number) % 256
      pixels[at + 2] = gray ? bright : 255 - bright
    }
  }
  const image = sharp(pixels, { raw: { width, height, channels } })
  return (gray ? image.toColourspace('b-w') : image).jpeg({ quality: 90 }).toBuffer()
}

/** So many pictures of each kind in a folder of its name, each of the size that its number has. */
export async function classes(
  perClass: number,
  optionsOf: (number: number) => Omit<PictureOptions, 'number'>,
  extension = 'jpg',
): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {}
  for (const kind of ['lying', 'standing'] as const) {
    for (let number = 0; number < perClass; number++) {
      files[`${kind}/${String(number).padStart(3, '0')}.${extension}`] = await picture(kind, {
        ...optionsOf(number),
        number,
      })
    }
  }
  return files
}

/** The same files below a folder. */
export function below(folder: string, files: Record<string, Buffer>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(files).map(([name, bytes]) => [`${folder}/${name}`, bytes]))
}
