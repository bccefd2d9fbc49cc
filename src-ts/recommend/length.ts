/** How long a training should be, and in which batches. */

/** Images a batch, at most and at least, and batches that an epoch should have. */
const BATCH = { most: 64, least: 16, batches: 20 }

/** Epochs, whatever the number of images. */
const EPOCHS = { least: 6, most: 60 }

/** Images a batch: a power of two, so that an epoch of few images still has many steps. */
export function batchFor(images: number): number {
  let batch = BATCH.most
  while (batch > BATCH.least && images / batch < BATCH.batches) batch /= 2
  // A last batch of one image has no statistics to normalise by.
  while (images % batch === 1 && batch > 2) batch -= 1
  return batch
}

/** Epochs in which about so many images are seen. */
export function epochsFor(images: number, seen: number): number {
  return Math.min(EPOCHS.most, Math.max(EPOCHS.least, Math.round(seen / images)))
}
