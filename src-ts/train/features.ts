/** Features that frozen layers make of images: computed once where no epoch changes them, instead of in every one. */
import { batches, cut } from '../data/batches.js'
import type { Dataset } from '../data/dataset.js'
import { throwIfAborted } from '../data/iteration.js'
import { mismatch } from '../errors.js'
import type { Network } from '../model/network.js'
import { lift, NativeJpegSet, type BindingStepOptions, type BindingView } from '../native/addon.js'
import { isRandom } from '../transforms/transform.js'
import type { FeaturesEvent } from './events.js'
import type { TrainSettings } from './settings.js'

/** Images in a batch: as many as a step of a large network runs together. */
const PICTURES_A_CALL = 32

/** Most bytes of the features of all images; those of more are computed in every epoch. */
const MOST_BYTES = 2 ** 30

/** What stands for images in steps and tests. */
export type Pictures = Pick<Dataset, 'batch'> & Partial<Pick<Dataset, 'onError'>>

/** Features of a data set's images, in their order. They stand for the images in steps and tests. */
export class StoredFeatures implements Pictures {
  readonly onError: Dataset['onError']
  readonly #set: NativeJpegSet
  /** For every image its place in the set. */
  readonly #places: ReadonlyMap<number, number>
  readonly #files: readonly string[]

  constructor(set: NativeJpegSet, places: ReadonlyMap<number, number>, { onError, files }: Dataset) {
    this.onError = onError
    this.#set = set
    this.#places = places
    this.#files = files
  }

  /**
   * Those of the images of these numbers, in this order; to be disposed of by the caller.
   *
   * @throws ModelError `FILE_CHANGED` if an image was lost before its features were made
   */
  async batch(indices: Uint32Array): Promise<NativeJpegSet> {
    const place = (index: number) => {
      const found = this.#places.get(index)
      if (found !== undefined) return found
      throw mismatch('FILE_CHANGED', this.#files[index] as string, 'the file that was read first', 'another or none')
    }
    return lift(this.#set.select(Uint32Array.from(indices, place)))
  }

  dispose(): void {
    this.#set.dispose()
  }
}

/**
 * Whether steps can begin with stored features: what comes before is frozen, statistics included, and sees the same of every
 * image in every epoch.
 */
export function canStore(
  network: Network,
  { augment, mix }: TrainSettings,
  update: BindingStepOptions,
  images: number,
): boolean {
  if (mix.length > 0 || augment.some(isRandom)) return false
  const features = network.settledFeatures(update)
  return features !== undefined && Float32Array.BYTES_PER_ELEMENT * features * images <= MOST_BYTES
}

/** Computes the features of all images, telling how far it has come. */
export async function* storedFeatures(
  network: Network,
  dataset: Dataset,
  set: 'train' | 'test',
  { view, update, signal }: { view: BindingView; update: BindingStepOptions; signal: AbortSignal | undefined },
): AsyncGenerator<FeaturesEvent, StoredFeatures> {
  const features = new NativeJpegSet()
  let whole = false
  try {
    const all = Uint32Array.from({ length: dataset.length }, (_, index) => index)
    const places = new Map<number, number>()
    let done = 0
    for await (const { indices, pictures, asked } of batches(dataset, cut(all, PICTURES_A_CALL), () => view)) {
      throwIfAborted(signal)
      await network.appendFeatures(pictures, update, features)
      for (const index of indices) places.set(index, places.size)
      done += asked
      yield { type: 'features', set, done, total: dataset.length }
    }
    whole = true
    return new StoredFeatures(features, places, dataset)
  } finally {
    if (!whole) features.dispose()
  }
}
