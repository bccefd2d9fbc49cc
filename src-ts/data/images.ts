import { mismatch } from '../errors.js'
import { shown } from '../options.js'

/** A picture in memory with its class. */
export interface LabelledImage {
  /** The bytes of a JPEG file. */
  jpeg: Uint8Array
  /** Its class by name. */
  label: string
  /** What errors call it; its number unless given. */
  name?: string | undefined
}

/** Pictures in memory. */
export interface JpegImages {
  readonly type: 'images'
  readonly images: readonly LabelledImage[]
}

/**
 * Pictures in memory, each with its class.
 *
 * @throws ModelError `INVALID_OPTION` if an entry has no bytes or no label
 */
export function jpegImages(images: readonly LabelledImage[]): JpegImages {
  images.forEach(({ jpeg, label }, index) => {
    const wrong = (key: string, expected: string, found: unknown) =>
      mismatch('INVALID_OPTION', `jpegImages.${index}.${key}`, expected, shown(found))
    if (!(jpeg instanceof Uint8Array)) throw wrong('jpeg', 'a Uint8Array', jpeg)
    if (typeof label !== 'string') throw wrong('label', 'a string', label)
  })
  return Object.freeze({ type: 'images', images })
}
