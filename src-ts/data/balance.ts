/** One class of a data set. */
export interface ClassShare {
  name: string
  /** Its images. */
  count: number
  /** Of all images, 0…1. */
  share: number
}

/** How many images each class of a data set has. */
export interface ClassBalance {
  /** In the order of the labels. */
  classes: readonly ClassShare[]
  /** How many times as many images the largest class has as the smallest: 1 if all have the same, `Infinity` if one has none. */
  ratio: number
}

/** Counts the images of each class. */
export function balanceOf(names: readonly string[], labels: Uint32Array): ClassBalance {
  const counts = Array<number>(names.length).fill(0)
  for (const label of labels) counts[label]! += 1
  const classes = names.map((name, label) => {
    const count = counts[label] as number
    return { name, count, share: count / labels.length }
  })
  const [largest, smallest] = classes.reduce(
    ([most, least], { count }) => [Math.max(most, count), Math.min(least, count)],
    [0, Infinity],
  )
  return { classes, ratio: largest / smallest }
}
