import type { Dataset } from '../data/dataset.js'
import { mismatch } from '../errors.js'

/** A model as far as its classes go. */
export interface Labelled {
  readonly labels: readonly string[] | undefined
  readonly classes: number
}

/** What an evaluation does with images of classes that the model does not know: stop with an error, or leave them out. */
export type OnUnknownClass = 'error' | 'skip'

/** Images of a class that were not counted. */
export interface LeftOutClass {
  name: string
  images: number
}

/**
 * The model's number of every image's class; classes are matched by name, whatever their order.
 *
 * @throws ModelError `NO_CLASSES` if the data has one class; `LABELS_MISMATCH` if its classes are not the model's
 */
export function labelsFor(model: Labelled, dataset: Dataset): Uint32Array {
  const { source, classes: names } = dataset
  const { labels } = model
  if (names.length < 2) throw mismatch('NO_CLASSES', source, 'at least two classes', `one (${names.join()})`)
  if (labels === undefined) return numbersAsTheyAre(model, dataset)
  const [known, given] = [new Set(labels), new Set(names)]
  const differences = [
    ...labels.filter(name => !given.has(name)).map(name => `no ${name}`),
    ...names.filter(name => !known.has(name)).map(name => `an unknown ${name}`),
  ]
  if (differences.length > 0) {
    const found = `${some(names)} (${some(differences)})`
    throw mismatch('LABELS_MISMATCH', source, `the model's classes ${some(labels)}`, found)
  }
  const numbers = numbersOf(labels)
  return dataset.labels.map(label => numbers.get(names[label] as string) as number)
}

/** Images that a model is tested on. */
export interface TestedPictures {
  /** Their numbers in the data set. */
  indices: Uint32Array
  /** The model's number of each one's class. */
  labels: Uint32Array
  /** Classes that the model does not know, whose images are not among them. */
  leftOut: LeftOutClass[]
}

/**
 * The images of a data set whose classes a model knows. It need not have all of the model's classes.
 *
 * @throws ModelError `LABELS_MISMATCH` for a class that the model does not know, unless such are left out; or if that leaves none
 */
export function testedPictures(model: Labelled, dataset: Dataset, onUnknown: OnUnknownClass): TestedPictures {
  const { source, classes: names, length } = dataset
  const all = Uint32Array.from({ length }, (_, index) => index)
  if (model.labels === undefined) return { indices: all, labels: numbersAsTheyAre(model, dataset), leftOut: [] }
  const numbers = numbersOf(model.labels)
  const images = names.map(() => 0)
  dataset.labels.forEach(label => (images[label]! += 1))
  const leftOut = names
    .map((name, label) => ({ name, images: images[label] as number }))
    .filter(({ name, images }) => images > 0 && !numbers.has(name))
  const indices = leftOut.length === 0 ? all : all.filter(index => numbers.has(nameOf(dataset, index)))
  if (leftOut.length > 0 && (onUnknown === 'error' || indices.length === 0)) {
    const expected = `images of the model's classes (${some(model.labels)})`
    const found = some(leftOut.map(({ name, images }) => `${images} of ${name}`))
    const more = indices.length === 0 ? ' and no others' : ', which it does not know'
    throw mismatch('LABELS_MISMATCH', source, expected, `${found}${more}`)
  }
  return { indices, labels: indices.map(index => numbers.get(nameOf(dataset, index)) as number), leftOut }
}

function nameOf({ classes, labels }: Dataset, index: number): string {
  return classes[labels[index] as number] as string
}

/** Of a model whose classes have no names yet. */
function numbersAsTheyAre({ classes }: Labelled, { source, classes: names, labels }: Dataset): Uint32Array {
  if (names.length === classes) return labels
  throw mismatch('LABELS_MISMATCH', source, `the model's ${classes} classes`, `${names.length} (${some(names)})`)
}

function numbersOf(labels: readonly string[]): Map<string, number> {
  return new Map(labels.map((name, number) => [name, number]))
}

/** The first few of many names. */
function some(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 12).join(', ')}, … ${names.length} in all` : names.join(', ')
}
