import type { Dataset } from '../data/dataset.js'
import { mismatch } from '../errors.js'

/** A model as far as its classes go. */
export interface Labelled {
  readonly labels: readonly string[] | undefined
  readonly classes: number
}

/**
 * The model's number of every picture's class; classes are matched by name, whatever their order.
 *
 * @throws ModelError `NO_CLASSES` if the data has one class; `LABELS_MISMATCH` if its classes are not the model's
 */
export function labelsFor({ labels, classes }: Labelled, dataset: Dataset): Uint32Array {
  const { source, classes: names } = dataset
  if (names.length < 2) throw mismatch('NO_CLASSES', source, 'at least two classes', `one (${names.join()})`)
  if (labels === undefined) {
    if (names.length === classes) return dataset.labels
    throw mismatch('LABELS_MISMATCH', source, `the model's ${classes} classes`, `${names.length} (${some(names)})`)
  }
  const [known, given] = [new Set(labels), new Set(names)]
  const differences = [
    ...labels.filter(name => !given.has(name)).map(name => `no ${name}`),
    ...names.filter(name => !known.has(name)).map(name => `an unknown ${name}`),
  ]
  if (differences.length > 0) {
    const found = `${some(names)} (${some(differences)})`
    throw mismatch('LABELS_MISMATCH', source, `the model's classes ${some(labels)}`, found)
  }
  const numbers = new Map(labels.map((name, number) => [name, number]))
  return dataset.labels.map(label => numbers.get(names[label] as string) as number)
}

/** The first few of many names. */
function some(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 12).join(', ')}, … ${names.length} in all` : names.join(', ')
}
