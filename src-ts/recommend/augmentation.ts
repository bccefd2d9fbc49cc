/** What training should do to images at random, by what they are of. */
import {
  cover,
  randomCrop,
  randomHorizontalFlip,
  randomResizedCrop,
  type GeometryTransform,
} from '../transforms/geometry.js'
import type { Sides } from './size.js'

/** Least share of a photo's area that a crop has: less would often miss what it shows. */
const LEAST_AREA = 0.35

/** Transforms, and what they are called. */
export interface ChosenAugmentation {
  augment: readonly GeometryTransform[]
  value: string
  because: string
}

/** Names of classes that a mirror exchanges or makes no longer true: numbers, letters, left and right. */
const MIRRORED = /^(\d+|.)$|(^|[^a-z])(left|right)([^a-z]|$)/i

/**
 * Crops with a margin of small images that are used as they are, crops of any part of photos; and mirroring, unless the images are
 * gray (as signs and scans are) or the classes' names tell that it would change what is to be told apart.
 */
export function chosenAugmentation(
  { width, height }: Sides,
  { asTheyAre, gray, classes }: { asTheyAre: boolean; gray: boolean; classes: readonly string[] },
): ChosenAugmentation {
  const size = { width, height }
  const shape = width / height
  const crops = asTheyAre
    ? [cover(size), randomCrop(size, { padding: Math.round(Math.min(width, height) / 8) })]
    : [randomResizedCrop(size, { scale: [LEAST_AREA, 1], ratio: [(shape * 3) / 4, (shape * 4) / 3] })]
  const named = classes.find(name => MIRRORED.test(name))
  const flips = !gray && named === undefined
  const value = `${asTheyAre ? 'random crops with a margin' : 'random crops, resized'}${flips ? ', mirrored or not' : ''}`
  const because = flips
    ? 'the images are in colour and no class is called by a number, a letter, left or right'
    : `not mirrored, because ${gray ? 'the images are gray' : `a class is called ${named}`}`
  return { augment: [...crops, ...(flips ? [randomHorizontalFlip()] : [])], value, because }
}
