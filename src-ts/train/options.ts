import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import type { JpegSource } from '../data/listing.js'
import { memorySchema, type MemorySize } from '../data/memory.js'
import { abortSignal, checked } from '../options.js'
import { givenShape, type GivenSettings } from './settings.js'

/** Options of a training; `false` turns off what a resumed checkpoint had. */
export interface TrainOptions extends GivenSettings {
  /** Passes over the data, those before a resumed checkpoint counted; 10 unless given. */
  epochs?: GivenSettings['epochs']
  /** Pictures that are run, and normalised, together; 64 unless given. The last batch of an epoch takes what is left. */
  batchSize?: GivenSettings['batchSize']
  /**
   * Batches a step, whose gradients become one update in which every picture weighs the same; 1 unless given. The last
   * step of an epoch takes what is left.
   */
  accumulate?: GivenSettings['accumulate']
  /** Adam with a learning rate of 0.001 unless given. */
  optimizer?: GivenSettings['optimizer']
  /** Constant unless given. */
  schedule?: GivenSettings['schedule']
  /** Share of the loss's target that all classes have alike, 0…1 (`torch.nn.CrossEntropyLoss`); 0 unless given. */
  labelSmoothing?: GivenSettings['labelSmoothing']
  /**
   * How maps are kept that the backward pass reads again: `float32`, unless given, or `bfloat16`, which takes half the
   * memory and rounds each value to eight bits. Everything is computed in float32.
   */
  storage?: GivenSettings['storage']
  /**
   * What is done to the pictures learned from, anew in every epoch, before what the model does to pictures that are not of its
   * size; nothing unless given. Those tested on are treated as the definition says.
   */
  augment?: GivenSettings['augment']
  /** Ways to mix the pictures of a step, of which each step picks one; none unless given. */
  mix?: GivenSettings['mix']
  /** What is done to large gradients; nothing unless given. */
  clip?: GivenSettings['clip']
  /**
   * Layers that stay as they are: paths, which mean all layers below them (`layer1`), in which `*` stands for any
   * characters.
   */
  freeze?: GivenSettings['freeze']
  /**
   * Whether frozen batch normalisations normalise by their running statistics and leave them, as at inference; they do
   * unless given. Otherwise they normalise by each batch's and go on following them.
   */
  freezeStatistics?: GivenSettings['freezeStatistics']
  /** Layers with a learning rate or weight decay of their own. */
  groups?: GivenSettings['groups']
  /** A moving average of the weights, which is then what is tested, predicts and is saved; of decay 0.999 unless given. */
  average?: GivenSettings['average']
  /**
   * Whether the weights of the best epoch by the test set are kept, and are the model's at the end: best by `accuracy`, of
   * equally many right answers by the loss, or by `loss`. They are not unless given; needs `test`. With `earlyStopping` its own
   * `metric` and `restoreBest` say so instead.
   */
  keepBest?: GivenSettings['keepBest']
  /** Ends the training when the test set gets no better; needs `test`. */
  earlyStopping?: GivenSettings['earlyStopping']
  /** Whether each epoch has its own order; it has unless given. */
  shuffle?: GivenSettings['shuffle']
  /** Where the orders come from: a whole number; 0 unless given. */
  seed?: GivenSettings['seed']
  /** Pictures to test on after each epoch. */
  test?: JpegSource | Dataset | undefined
  /**
   * Most memory that each set of pictures may take once it is read, as for {@link loadDataset}; a data set in memory has its
   * own. Losses and weights do not depend on it.
   */
  memory?: MemorySize | undefined
  /**
   * Memory that steps and tests may take, beside the pictures; what the system, or the container, has left unless given. A
   * training that would take more is refused before its first step.
   */
  availableMemory?: MemorySize | undefined
  /** Where and how often to save the model, its optimizer and how far it has come. */
  checkpoint?: CheckpointOptions | undefined
  /** Whether to go on from the checkpoint the model was loaded from; options not given are then the checkpoint's. */
  resume?: boolean | undefined
  /** Ends the training between two steps, with an `ABORTED` error; a checkpoint is written of what is learned by then. */
  signal?: AbortSignal | undefined
}

/**
 * Where and how often a training is saved: besides, at its end, and whatever else it ends with. What an error, a signal or a
 * listener that leaves cuts off between two checkpoints is saved then; but not what led to values that are not finite.
 */
export interface CheckpointOptions {
  path: string
  /** Epochs from one to the next; 1 unless given. The end of the training is always saved. */
  everyEpochs?: number | undefined
  /** Steps from one to the next, counted over all epochs, besides those at epochs; none unless given. */
  everySteps?: number | undefined
}

const every = z.int().min(1).optional()
const checkpointSchema = z.strictObject({
  path: z.string().min(1),
  everyEpochs: every,
  everySteps: every,
}) satisfies z.ZodType<CheckpointOptions>

const trainOptionsSchema = z.strictObject({
  ...givenShape,
  test: z.custom<JpegSource | Dataset>().optional(),
  memory: memorySchema.optional(),
  availableMemory: memorySchema.optional(),
  checkpoint: checkpointSchema.optional(),
  resume: z.boolean().optional(),
  signal: abortSignal.optional(),
}) satisfies z.ZodType<TrainOptions>

/** @throws ModelError `INVALID_OPTION` */
export function checkedTrainOptions(options: TrainOptions): TrainOptions {
  return checked(trainOptionsSchema, options, 'train')
}

/** @throws ModelError `INVALID_OPTION` */
export function checkedSettings(options: GivenSettings): GivenSettings {
  return checked(z.strictObject(givenShape), options, 'train')
}
