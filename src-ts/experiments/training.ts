/** The paper's network as experiments train it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ModeOptions } from '../model/mode.js'
import { createModel, loadModel, type Model } from '../model/model.js'
import { paperResnet } from '../models/paper.js'
import { oneCycle } from '../train/schedules.js'
import { picturesOf } from './data.js'
import type { Settings } from './experiment.js'

/** Pictures that a quick run learns from. */
const QUICK_PICTURES = 2000

/**
 * The paper's network of a seed, trained in a mode; one that is in the experiment's folder is taken from there, and one whose
 * training was interrupted goes on.
 *
 * @param name its file's
 * @throws ModelError of the data and the training
 */
export async function trainedNetwork(
  settings: Settings,
  { name, seed, mode }: { name: string; seed: number; mode?: ModeOptions },
  signal: AbortSignal | undefined,
): Promise<Model> {
  const path = join(settings.models, `${name}.model`)
  const { epochs } = settings
  const saved = existsSync(path) ? await loadModel(path) : undefined
  if (saved?.training?.epoch === epochs) return saved
  using dataset = await picturesOf(settings, 'train', signal)
  const { width, height, colour } = await dataset.describe(0)
  const shape = { classes: dataset.classes.length, channels: colour === 'gray' ? 1 : 3, width, height }
  const model = saved ?? createModel(paperResnet({ ...shape, ...mode }), { seed })
  const count = settings.quick ? Math.min(dataset.length, QUICK_PICTURES) : dataset.length
  // Spread over the classes, which come one after the other.
  using part = dataset.subset(Array.from({ length: count }, (_, index) => Math.floor((index * dataset.length) / count)))
  await model.fit(part, {
    epochs,
    schedule: oneCycle(),
    seed,
    checkpoint: { path },
    resume: saved !== undefined,
    signal,
  })
  return model
}
