/** What the paper printed, to be shown beside what is found here. Ehrlich and Davis, ICCV 2019, section 5. */

/** Accuracy of 100 networks on pixels and of the same networks converted, and how far the two are apart. */
export const PUBLISHED_CONVERSIONS = [
  { data: 'MNIST', before: 0.988, after: 0.988, deviation: 2.999e-6 },
  { data: 'CIFAR-10', before: 0.725, after: 0.725, deviation: 9e-6 },
  { data: 'CIFAR-100', before: 0.385, after: 0.385, deviation: 1e-6 },
] as const

/**
 * Accuracy of networks trained at φ = 1, 2, …, and of their spatial twin. Of converted networks the paper draws a curve and has
 * no numbers.
 */
export interface PublishedAccuracy {
  data: string
  spatial: number
  asm: readonly number[]
  apx: readonly number[]
}

const CIFAR_10: PublishedAccuracy = {
  data: 'CIFAR-10',
  spatial: 0.728,
  asm: [0.485, 0.556, 0.615, 0.66, 0.686, 0.694],
  apx: [0.457, 0.54, 0.606, 0.652, 0.675, 0.699],
}
const CIFAR_100: PublishedAccuracy = {
  data: 'CIFAR-100',
  spatial: 0.384,
  asm: [0.198, 0.256, 0.3, 0.325, 0.343, 0.357, 0.368, 0.382, 0.382],
  apx: [0.181, 0.258, 0.305, 0.333, 0.352, 0.368, 0.385, 0.386, 0.375],
}

const CIFAR_10_CLASSES = 'airplane automobile bird cat deer dog frog horse ship truck'

/** What the paper has for images of these classes, which say what data they are of; nothing for data it has not. */
export function publishedAccuracy(classes: readonly string[]): PublishedAccuracy | undefined {
  if ([...classes].sort().join(' ') === CIFAR_10_CLASSES) return CIFAR_10
  const isCifar100 = classes.length === 100 && ['aquarium_fish', 'willow_tree'].every(name => classes.includes(name))
  return isCifar100 ? CIFAR_100 : undefined
}
