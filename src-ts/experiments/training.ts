/** The paper's network as experiments train it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Dataset } from '../data/dataset.js'
import type { ModeOptions } from '../model/mode.js'
import { createModel, loadModel, type Model } from '../model/model.js'
import { paperResnet } from '../models/paper.js'
import type { NetworkOptions } from '../models/network.js'
import { oneCycle } from '../train/schedules.js'
import { picturesOf } from './data.js'
import type { PartContext, Settings } from './experiment.js'

/** What the paper's network must be for these images, all of which have the size of the first. */
export async function shapeFor(dataset: Dataset): Promise<NetworkOptions> {
  const { width, height, colour } = await dataset.describe(0)
  return { classes: dataset.classes.length, channels: colour === 'gray' ? 1 : 3, width, height }
}

/** What a training is of. */
interface Training {
  /** Its file's name. */
  name: string
  seed: number
  mode?: ModeOptions
  /** Images to learn from; those of `train` by default. */
  pictures?: () => Promise<Dataset>
}

/**
 * The paper's network of a seed, trained in a mode; one that is in the experiment's folder is taken from there, and one whose
 * training was interrupted goes on.
 *
 * @throws ModelError of the data and the training
 */
export async function trainedNetwork(
  settings: Settings,
  { name, seed, mode, pictures = () => picturesOf(settings, 'train', context) }: Training,
  context: PartContext,
): Promise<Model> {
  const path = join(settings.models, `${name}.model`)
  const { epochs } = settings
  const saved = existsSync(path) ? await loadModel(path) : undefined
  if (saved?.training?.epoch === epochs) return saved
  using dataset = await pictures()
  const model = saved ?? createModel(paperResnet({ ...(await shapeFor(dataset)), ...mode }), { seed })
  let steps = 1
  await model.fit(dataset, {
    epochs,
    schedule: oneCycle(),
    seed,
    checkpoint: { path },
    resume: saved !== undefined,
    signal: context.signal,
    onEvent: event => {
      if (event.type === 'start') steps = event.stepsPerEpoch
      if (event.type === 'step') context.progress((event.epoch - 1 + event.step / steps) / epochs)
    },
  })
  return model
}
