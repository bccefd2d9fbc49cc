/** The size of a network for images that are as a survey says. */
import type { DatasetSurvey, SizeCount } from '../data/survey.js'
import { grouped } from '../numbers.js'

/** A width and a height in pixels. */
export interface Sides {
  readonly width: number
  readonly height: number
}

/** What is made of images of the sizes surveyed. */
export interface ChosenSize extends Sides {
  /** Whether images are used as they are; otherwise they are brought to the size. */
  asTheyAre: boolean
  /** Why, as a sentence's end. */
  because: string
}

/** Longest side of images that are used as they are: small ones lose by any resizing. */
const SMALL = 64

/** Share of the images that must be elongated the same way for a network's images to be so. */
const NEARLY_ALL = 0.9

/** Share of the images that must be at least as large as a network's images. */
const MOST = 0.75

/** Sides of a network's images, where they are not those of the files. */
const SIDES = [224, 192, 160, 128, 96, 64, 48, 32]

/** A longer side of so many shorter ones is kept: what lies outside the middle square would be half or more. */
const ELONGATED = 2

/** Least side of a network's images: smaller files are enlarged. */
const LEAST = 8

/**
 * Small images keep the size that more than half of them have. Others are brought to the largest square that most of them support, up to a limit; where
 * nearly all are elongated the same way, to a rectangle of that shape and about the square's area.
 *
 * @param limit longest side of the square
 */
export function chosenSize({ sizes, images }: DatasetSurvey, limit: number): ChosenSize {
  const [first] = sizes as [SizeCount]
  const small = Math.max(first.width, first.height) <= SMALL
  if (small && 2 * first.count > images) {
    const [width, height] = [Math.max(LEAST, first.width), Math.max(LEAST, first.height)]
    const asTheyAre = width === first.width && height === first.height
    const others = images - first.count
    const resized = others === 0 ? '' : `, and ${grouped(others)} ${others === 1 ? 'other is' : 'others are'} resized`
    const because = asTheyAre
      ? `${share(first.count, images)} are of that size${resized}`
      : `${share(first.count, images)} are ${first.width}×${first.height}, which is too small`
    return { width, height, asTheyAre, because }
  }
  const supports = (side: number) => counted(sizes, ({ width, height }) => Math.min(width, height) >= side)
  const allowed = SIDES.filter(side => side <= limit)
  const side = allowed.find(side => supports(side) >= MOST * images) ?? (allowed.at(-1) as number)
  const because =
    supports(side) >= MOST * images
      ? `${share(supports(side), images)} are at least as large${side === limit ? '' : ', and fewer are larger'}`
      : `only ${share(supports(side), images)} are as large, and smaller ones are enlarged`
  return { ...shaped(sizes, images, side), asTheyAre: false, because }
}

/** Whether most images are of a network's own size. */
export function usedAsTheyAre({ sizes, images }: DatasetSurvey, { width, height }: Sides): boolean {
  return counted(sizes, size => size.width === width && size.height === height) > MOST * images
}

/** A square of that side, or a rectangle of about its area where nearly all images are elongated the same way. */
function shaped(sizes: readonly SizeCount[], images: number, side: number): Sides {
  const wide = counted(sizes, ({ width, height }) => width >= ELONGATED * height)
  const tall = counted(sizes, ({ width, height }) => height >= ELONGATED * width)
  if (Math.max(wide, tall) < NEARLY_ALL * images) return { width: side, height: side }
  const ratio = Math.min(8, Math.max(1 / 8, median(sizes, images)))
  const rounded = (length: number) => Math.max(LEAST, 8 * Math.round(length / 8))
  return { width: rounded(side * Math.sqrt(ratio)), height: rounded(side / Math.sqrt(ratio)) }
}

/** The proportion of width to height that half of the images do not exceed. */
function median(sizes: readonly SizeCount[], images: number): number {
  const ratios = sizes.map(({ width, height, count }) => ({ ratio: width / height, count }))
  ratios.sort((a, b) => a.ratio - b.ratio)
  let before = 0
  return (ratios.find(({ count }) => (before += count) >= images / 2) as { ratio: number }).ratio
}

function counted(sizes: readonly SizeCount[], holds: (size: SizeCount) => boolean): number {
  return sizes.reduce((sum, size) => sum + (holds(size) ? size.count : 0), 0)
}

/** `all 20 pictures`, `18 of 20 pictures`. */
export function share(some: number, all: number): string {
  return some === all ? `all ${grouped(all)} images` : `${grouped(some)} of ${grouped(all)} images`
}
