import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import type { JpegSource } from '../data/listing.js'
import { memorySchema, type MemorySize } from '../data/memory.js'
import { abortSignal, checked } from '../options.js'
import { givenShape, type GivenSettings } from './settings.js'

/** Options of a training; `false` turns off what a resumed checkpoint had. */
export interface TrainOptions extends GivenSettings {
  /** Epochs in all, those of a resumed training included; 10 by default. */
  epochs?: GivenSettings['epochs']
  /** Batch size; 64 by default. The last batch of an epoch has the images that are left. */
  batchSize?: GivenSettings['batchSize']
  /**
   * Gradient accumulation: batches in a step; 1 by default. Every image has the same weight. The last step of an epoch has the batches that
   * are left.
   */
  accumulate?: GivenSettings['accumulate']
  /** Adam with a learning rate of 0.001 by default. */
  optimizer?: GivenSettings['optimizer']
  /** Constant by default. */
  schedule?: GivenSettings['schedule']
  /** Label smoothing as in `torch.nn.CrossEntropyLoss`, 0…1; 0 by default. */
  labelSmoothing?: GivenSettings['labelSmoothing']
  /**
   * Type in which feature maps are stored for the backward pass: `float32` (default) or `bfloat16`, which takes half the memory. Everything
   * is computed in float32.
   */
  storage?: GivenSettings['storage']
  /**
   * Transforms of the training images, drawn anew in every epoch; none by default. Images of the test set get the transforms of the
   * definition.
   */
  augment?: GivenSettings['augment']
  /** Methods of mixing the images of a step, of which one is drawn for each step; none by default. */
  mix?: GivenSettings['mix']
  /** Gradient clipping; none by default. */
  clip?: GivenSettings['clip']
  /** Layers that are not trained: their paths. A path includes all layers below it (`layer1`); `*` stands for any characters. */
  freeze?: GivenSettings['freeze']
  /**
   * Whether frozen batch normalisations use their running statistics and keep them, as at inference; `true` by default. Otherwise they use
   * and follow the statistics of each batch.
   */
  freezeStatistics?: GivenSettings['freezeStatistics']
  /** Layers with a learning rate or weight decay of their own. */
  groups?: GivenSettings['groups']
  /** Keeps a moving average of the weights, which is then tested, predicts and is saved; its decay is 0.999 by default. */
  average?: GivenSettings['average']
  /**
   * Keeps the weights of the epoch with the best `accuracy` (on a tie, the lowest loss) or the lowest `loss` on the test set; they are the
   * model at the end. Needs `test`; not by default. With `earlyStopping`, its `metric` and `restoreBest` are used instead.
   */
  keepBest?: GivenSettings['keepBest']
  /** Early stopping: ends the training when results on the test set no longer improve. Needs `test`. */
  earlyStopping?: GivenSettings['earlyStopping']
  /** Whether to shuffle the images in every epoch; `true` by default. */
  shuffle?: GivenSettings['shuffle']
  /** Seed of the order of images and of all random transforms, a whole number; 0 by default. */
  seed?: GivenSettings['seed']
  /** Data set to test on after each epoch. */
  test?: JpegSource | Dataset | undefined
  /**
   * Memory limit of each data set that is read, as for {@link loadDataset}; not for a {@link Dataset}, which has its own. Results do not
   * depend on it.
   */
  memory?: MemorySize | undefined
  /**
   * Memory that steps and tests may take, beside the data sets; by default the free memory of the system or the container. A training that
   * would take more is refused before its first step.
   */
  availableMemory?: MemorySize | undefined
  /** Where and how often to save the model with its optimizer and the state of the training. */
  checkpoint?: CheckpointOptions | undefined
  /** Whether to resume from the checkpoint that the model was loaded from; options that are not given are then the checkpoint's. */
  resume?: boolean | undefined
  /** Ends the training between two steps with an `ABORTED` error; if there is a `checkpoint`, it is saved first. */
  signal?: AbortSignal | undefined
}

/**
 * Where and how often a training is saved. It is also saved at its end, and when an error, a signal or a listener ends it, except after
 * values that are not finite.
 */
export interface CheckpointOptions {
  path: string
  /** Epochs between checkpoints; 1 by default. The end of the training is always saved. */
  everyEpochs?: number | undefined
  /** Steps between additional checkpoints, counted over all epochs; none by default. */
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
