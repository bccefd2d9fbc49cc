/** Batch normalisation needs more than one value a channel to normalise by. */
import { mismatch } from '../errors.js'
import type { ModelNode } from '../model/summary.js'
import type { BindingStepOptions } from '../native/addon.js'
import type { TrainSettings } from './settings.js'

/**
 * Refuses a training in which no batch would teach the layers before a batch normalisation anything, because an image's map
 * has one pixel there and no batch has two images. A single such batch, the last of an epoch, does no harm.
 *
 * @throws ModelError `INVALID_OPTION` naming the layer
 */
export function checkValuesPerChannel(
  nodes: readonly ModelNode[],
  { layers = [] }: BindingStepOptions,
  { batchSize }: TrainSettings,
  images: number,
): void {
  if (Math.min(batchSize, images) > 1) return
  const fixed = new Set(layers.filter(({ fixedStatistics }) => fixedStatistics).map(({ path }) => path))
  const single = nodes.find(
    ({ path, operation, outputShape: [, height = 1, width = 1] }) =>
      operation === 'batchNorm' && height * width === 1 && !fixed.has(path),
  )
  if (!single) return
  const [option, found] = batchSize === 1 ? ['train.batchSize', '1'] : ['train.data', '1']
  const expected = `at least 2 images a batch, because ${single.path} normalises maps of one pixel by their batch`
  throw mismatch('INVALID_OPTION', option, expected, found)
}
