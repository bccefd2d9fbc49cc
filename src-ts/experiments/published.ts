/** What the paper printed, to be shown beside what is found here. Ehrlich and Davis, ICCV 2019, section 5. */

/** Mean errors of a block of ReLU by masking at φ = 1…15, of 4×4 boxes doubled to 8×8. */
export const PUBLISHED_ERRORS: Readonly<Record<'asm' | 'apx', readonly number[]>> = {
  asm: [0.344, 0.295, 0.239, 0.171, 0.122, 0.079, 0.049, 0.031, 0.015, 0.009, 0.005, 0.002, 0.0004, 0, 0],
  apx: [0.365, 0.334, 0.297, 0.253, 0.219, 0.18, 0.142, 0.109, 0.072, 0.052, 0.037, 0.023, 0.01, 0.003, 0],
}

/** Accuracy of 100 networks on pixels and of the same networks converted, and how far the two are apart. */
export const PUBLISHED_CONVERSIONS = [
  { data: 'MNIST', before: 0.988, after: 0.988, deviation: 2.999e-6 },
  { data: 'CIFAR-10', before: 0.725, after: 0.725, deviation: 9e-6 },
  { data: 'CIFAR-100', before: 0.385, after: 0.385, deviation: 1e-6 },
] as const

/** Accuracy of networks trained at φ = 1, 2, …, and of their spatial twin. */
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

/** What the paper has for pictures of these classes, which say what data they are of; nothing for data it has not. */
export function publishedAccuracy(classes: readonly string[]): PublishedAccuracy | undefined {
  if ([...classes].sort().join(' ') === CIFAR_10_CLASSES) return CIFAR_10
  const isCifar100 = classes.length === 100 && ['aquarium_fish', 'willow_tree'].every(name => classes.includes(name))
  return isCifar100 ? CIFAR_100 : undefined
}
