import type { DataEvent } from '../data/dataset.js'
import type { SkippedFile } from '../data/folder.js'
import type { WarnedFile } from '../data/reading.js'
import type { Evaluation } from '../model/evaluation.js'
import type { BestEpoch } from './best.js'
import type { EarlyStopping } from './earlyStopping.js'
import type { SecondsLeft } from './remaining.js'
import type { EpochResult } from './result.js'

/** What a training tells, in the order it happens. */
export type TrainEvent =
  | (DataEvent & { set: 'train' | 'test' })
  | StartEvent
  | FeaturesEvent
  | StepEvent
  | LostEvent
  | EpochEvent
  | StopEvent
  | CheckpointEvent

/** The data is read and the first step comes. */
export interface StartEvent {
  type: 'start'
  /** Epochs done before, if the training goes on from a checkpoint. */
  epochsDone: number
  /** Steps done before, over all epochs. */
  stepsDone: number
  epochs: number
  images: number
  /** How many of them are in memory; the others are read again when they are needed. */
  imagesInMemory: number
  /** How many of them are not of the model's size, and are brought to it by transforms or else resized and cut. */
  ofOtherSize: number
  /** The same of the test set, if there is one. */
  testOfOtherSize?: number | undefined
  /** Bytes of native memory the data set takes. */
  dataBytes: number
  /** Updates an epoch. */
  stepsPerEpoch: number
  /** Files left out of the data set. */
  skipped: readonly SkippedFile[]
  /** Files of the data set used in spite of doubts. */
  warned: readonly WarnedFile[]
  /** Options that differ from those of the checkpoint, as sentences. */
  changed: readonly string[]
}

/**
 * How far the features have come that frozen layers make of the images. They are computed before the first step and stored, if
 * these layers are all but the last ones and see the same of every image in every epoch.
 */
export interface FeaturesEvent {
  type: 'features'
  set: 'train' | 'test'
  /** Images so far. */
  done: number
  total: number
}

/** One update, by the images of one or more batches. */
export interface StepEvent {
  type: 'step'
  /** Counted from 1. */
  epoch: number
  /** Counted from 1 in the epoch. */
  step: number
  /** Mean loss of its images, before the update; the smoothed one if labels are. */
  loss: number
  /** Share of its images that was right, before the update. */
  accuracy: number
  /** The optimizer's, as scheduled. */
  learningRate: number
  /** Euclidean norm of all gradients together, without those of frozen layers and before clipping. */
  gradientNorm: number
  imagesPerSecond: number
  /** How long the rest is likely to take. */
  secondsLeft: SecondsLeft
}

/** Files that were good when they were read and could not be read again: the steps go on without them. */
export interface LostEvent {
  type: 'lost'
  /** Counted from 1. */
  epoch: number
  files: readonly SkippedFile[]
}

/** One pass over the data. */
export interface EpochEvent extends Omit<EpochResult, 'test'> {
  type: 'epoch'
  /** How the test set went, if there is one. */
  test?: Evaluation | undefined
  /** The best epoch so far, if it is looked for. */
  best?: BestEpoch | undefined
  /** How long the epochs left are likely to take. */
  secondsLeft: number
}

/** A training that looked for its best epoch has ended. */
export interface StopEvent {
  type: 'stop'
  /** `patience`: the test set got no better for too long; `epochs`: all epochs are done. */
  reason: 'patience' | 'epochs'
  /** Epochs done. */
  epoch: number
  metric: EarlyStopping['metric']
  best: BestEpoch
  /** The last epoch, in the same metric. */
  last: BestEpoch
  /** Whether the weights of the best epoch are the model's now. */
  restored: boolean
}

/** Everything is saved: after so many epochs or steps, or because the training ends, of itself or otherwise. */
export interface CheckpointEvent {
  type: 'checkpoint'
  /** Epochs done. */
  epoch: number
  /** Steps done, over all epochs. */
  step: number
  /** Images seen of the epoch after those. */
  images: number
  path: string
  /** The epoch whose weights are the file's model, if the best are kept; else they are those of the last step, or its average. */
  best?: BestEpoch | undefined
}
