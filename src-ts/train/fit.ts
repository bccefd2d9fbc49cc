import type { Dataset } from '../data/dataset.js'
import type { JpegSource } from '../data/listing.js'
import type { SkippedFile } from '../data/folder.js'
import type { WarnedFile } from '../data/reading.js'
import type { Network } from '../model/network.js'
import type { StopEvent, TrainEvent } from './events.js'
import { train } from './loop.js'
import type { TrainOptions } from './options.js'
import type { EpochResult } from './result.js'
import { checkedObject } from '../options.js'

/** What a training came to. */
export interface History {
  /** One entry an epoch, those before a resumed checkpoint included. */
  epochs: EpochResult[]
  /** Files left out of the data set. */
  skipped: readonly SkippedFile[]
  /** Damaged files that were used. */
  warned: readonly WarnedFile[]
  /** Why it ended and which epoch was the best, if that was looked for. */
  stop?: StopEvent | undefined
}

/** Trains to the end; `onEvent` is told everything on the way. */
export async function fit(
  network: Network,
  data: JpegSource | Dataset,
  given: TrainOptions & { onEvent?: (event: TrainEvent) => void } = {},
): Promise<History> {
  const { onEvent, ...options } = checkedObject(given, 'fit')
  let [skipped, warned]: [readonly SkippedFile[], readonly WarnedFile[]] = [[], []]
  let stop: StopEvent | undefined
  for await (const event of train(network, data, options)) {
    if (event.type === 'start') [skipped, warned] = [event.skipped, event.warned]
    if (event.type === 'stop') stop = event
    if (event.type === 'lost') skipped = [...skipped, ...newly(event.files, skipped)]
    onEvent?.(event)
  }
  return { epochs: network.training?.history ?? [], skipped, warned, ...(stop && { stop }) }
}

/** Those that are not among the files told of before: each epoch misses them again. */
function newly(files: readonly SkippedFile[], before: readonly SkippedFile[]): SkippedFile[] {
  return files.filter(({ file }) => !before.some(told => told.file === file))
}
