/** Running experiments in tests. */
import { runExperiment, type ExperimentEvent, type ExperimentOptions } from '../../src-ts/index.js'
import { folderOf, inTwoFolders } from '../fixtures/pictures.js'

/** Runs one to its end. */
export async function run(name: string, options: ExperimentOptions) {
  const events: ExperimentEvent[] = []
  for await (const event of runExperiment(name, options)) events.push(event)
  const end = events.at(-1)
  if (end?.type !== 'end') throw new Error('an experiment ends')
  return { parts: events.filter(({ type }) => type === 'part'), ...end }
}

/** A folder with `train` and `test`, each with these files: so many pictures in two classes, unless others are given. */
export function dataFolder(
  t: Parameters<typeof folderOf>[0],
  files: number | Record<string, Uint8Array> = 40,
): Promise<string> {
  const all = Object.entries(typeof files === 'number' ? inTwoFolders(files) : files)
  const sets = ['train', 'test'].flatMap(set => all.map(([file, jpeg]) => [`${set}/${file}`, jpeg] as const))
  return folderOf(t, Object.fromEntries(sets))
}
