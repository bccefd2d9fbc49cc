/** What an evaluation came to. */
import type { SkippedFile } from '../data/folder.js'
import type { WarnedFile } from '../data/reading.js'
import type { LeftOutClass } from './labels.js'
import type { ClassScore, MacroScores, Mistake } from './scores.js'

/** The prediction for a labelled image. */
export interface PictureResult {
  file: string
  /** Its index in the data set. */
  index: number
  /** Its class. */
  label: string
  /** The predicted class. */
  said: string
  /** The probability of the predicted class. */
  probability: number
  /** The probability of the image's class. */
  labelProbability: number
}

/** Top-k accuracy. */
export interface TopScore {
  correct: number
  accuracy: number
}

/** Results of a model on a set of images. */
export interface Evaluation {
  images: number
  correct: number
  accuracy: number
  /** Top-5 accuracy, of a model with more than five classes. */
  top5?: TopScore | undefined
  /** Mean cross-entropy. */
  loss: number
  /** From files to answers; from memory if the images were already read. */
  imagesPerSecond: number
  /** Names of the classes: the model's, or the data's if the model has none. */
  labels: readonly string[]
  /** Scores of each class, in the order of the labels. */
  perClass: ClassScore[]
  macro: MacroScores
  /**
   * Confusion matrix: `confusion[is][said]` is the number of images of class `is` that were predicted as class `said`, in the order of the
   * labels.
   */
  confusion: number[][]
  /** The most frequent confusions, at most twenty. */
  mistakes: Mistake[]
  /** Wrong predictions, the most confident first. */
  worst: PictureResult[]
  /** Classes of the model that the data has no images of. */
  missing: string[]
  /** Classes that the model does not know, whose images were left out. */
  leftOut: LeftOutClass[]
  /** Files left out. */
  skipped: SkippedFile[]
  /** Damaged files that were used. */
  warned: WarnedFile[]
}
