/** What the images of a data set are like, all of them counted. */

/** Images of one size. */
export interface SizeCount {
  /** Pixels from left to right, of the image upright. */
  width: number
  /** Pixels from top to bottom. */
  height: number
  count: number
}

/** What the images of a data set are like; see {@link Dataset.survey}. */
export interface DatasetSurvey {
  images: number
  /** Names of the classes. */
  classes: readonly string[]
  /** Images that have luminance alone. */
  gray: number
  /** Sizes of upright images, the most frequent first. */
  sizes: readonly SizeCount[]
}

/** Images of a size and colour, as the store counts them. */
interface Kind extends SizeCount {
  gray: boolean
}

/** Counts kinds of images. */
export function surveyOf(
  { classes, length }: { classes: readonly string[]; length: number },
  kinds: readonly Kind[],
): DatasetSurvey {
  const sizes = new Map<string, SizeCount>()
  for (const { width, height, count } of kinds) {
    const key = `${width}×${height}`
    sizes.set(key, { width, height, count: count + (sizes.get(key)?.count ?? 0) })
  }
  const gray = kinds.reduce((sum, { gray, count }) => sum + (gray ? count : 0), 0)
  return { images: length, classes, gray, sizes: [...sizes.values()].sort((a, b) => b.count - a.count) }
}
