/** Which images of a data set go to its test part. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { mismatch } from '../errors.js'

/** Options of {@link Dataset.split}. */
export interface SplitOptions {
  /** Share of each class that is to be tested on, above 0 and below 1. */
  test: number
  /** Where the choice comes from: a whole number; 0 by default. */
  seed?: number | undefined
}

export const splitOptionsSchema = z.strictObject({
  test: z.number().gt(0).lt(1),
  seed: z.int().min(0).optional(),
}) satisfies z.ZodType<SplitOptions>

/** What {@link splitNumbers} reads of a data set. */
interface Named {
  source: string
  files: readonly string[]
  labels: Uint32Array
}

/**
 * The numbers of the images of both parts, in their order. In each class, images are ranked by a hash of the seed and their
 * name, below the folder that all names have in common; the first go to the test part. So an image's place depends on no other
 * class, on no order and not on where the data lies. A class of two or more images is in both parts, a class of one in
 * the training part.
 *
 * @throws ModelError `NO_CLASSES` if no class has two images
 */
export function splitNumbers({ source, files, labels }: Named, { test, seed = 0 }: SplitOptions) {
  const names = withoutCommonFolder(files)
  const classes = new Map<number, { name: string; rank: string; index: number }[]>()
  labels.forEach((label, index) => {
    const name = names[index] as string
    const ranked = { name, rank: createHash('sha256').update(`${seed}/${name}`).digest('hex'), index }
    const members = classes.get(label)
    if (members) members.push(ranked)
    else classes.set(label, [ranked])
  })
  const chosen = new Uint8Array(labels.length)
  for (const members of classes.values()) {
    members.sort((a, b) => inOrder(a.rank, b.rank) || inOrder(a.name, b.name))
    const most = members.length - 1
    const count = Math.min(Math.max(Math.round(test * members.length), 1), most)
    for (const { index } of members.slice(0, count)) chosen[index] = 1
  }
  const all = Array.from(chosen.keys())
  const parts = { train: all.filter(index => !chosen[index]), test: all.filter(index => chosen[index]) }
  if (parts.test.length === 0) throw mismatch('NO_CLASSES', source, 'a class of at least two images to split', 'none')
  return parts
}

/** Names below the folder that all of them are in. */
function withoutCommonFolder(files: readonly string[]): string[] {
  const names = files.map(file => file.replaceAll('\\', '/'))
  let common = names[0]?.slice(0, names[0].lastIndexOf('/') + 1) ?? ''
  for (const name of names) {
    while (!name.startsWith(common)) common = common.slice(0, common.lastIndexOf('/', common.length - 2) + 1)
  }
  return names.map(name => name.slice(common.length))
}

function inOrder(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
