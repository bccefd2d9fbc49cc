/** A network and a training for the images at hand: what the command chooses where nothing is said. */
import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import type { DatasetSurvey } from '../data/survey.js'
import { mismatch } from '../errors.js'
import { frozen } from '../layers/freeze.js'
import type { ModelDefinition } from '../model/definition.js'
import { modeShape, type ModeOptions } from '../model/mode.js'
import { namedNetwork, networkNames } from '../models/named.js'
import { networkShape, type NetworkOptions } from '../models/network.js'
import { grouped } from '../numbers.js'
import { checked } from '../options.js'
import { sgd } from '../train/optimizers.js'
import type { TrainOptions } from '../train/options.js'
import { oneCycle } from '../train/schedules.js'
import { evaluationTransform, type Transform } from '../transforms/transform.js'
import { chosenAugmentation } from './augmentation.js'
import { batchFor, epochsFor } from './length.js'
import { chosenSize, share, usedAsTheyAre, type ChosenSize } from './size.js'
import { surveyed } from './surveyed.js'

/** What is already decided; the rest is chosen to go with it. */
export interface RecommendOptions extends Omit<NetworkOptions, 'classes'>, ModeOptions {
  /** A network's name, as {@link namedNetwork} knows it. */
  network?: string | undefined
  /** Passes over the data. */
  epochs?: number | undefined
  /** Images a batch. */
  batchSize?: number | undefined
}

/** The training's part of a recommendation: options of {@link Model.train}. */
export type RecommendedTraining = Pick<
  TrainOptions,
  'epochs' | 'batchSize' | 'optimizer' | 'schedule' | 'labelSmoothing' | 'augment' | 'freeze'
>

/** One thing that was chosen. */
export interface Choice {
  what: 'colour' | 'size' | 'network' | 'length' | 'augmentation' | 'frozen'
  /** What was chosen, in words. */
  value: string
  /** From what, in words. */
  because: string
}

/** A network and a training for images that are as a survey says. */
export interface Recommendation {
  definition: ModelDefinition
  training: RecommendedTraining
  /** What was chosen rather than given. */
  choices: readonly Choice[]
}

const optionsSchema = z.strictObject({
  ...networkShape,
  ...modeShape,
  classes: z.undefined().optional(),
  network: z.enum(networkNames as [string, ...string[]]).optional(),
  epochs: z.int().min(1).optional(),
  batchSize: z.int().min(1).optional(),
}) satisfies z.ZodType<RecommendOptions>

/** Share of images that may have colours in a gray set: a few scans in colour are no reason for three channels. */
const NEARLY_GRAY = 0.01

/** Longest side of a network's images that is learned from scratch: larger ones take hours on a processor. */
const FROM_SCRATCH = 96

/** Networks of small images and of photos, and how many images one is shown in a training. */
const KINDS = {
  gray: { network: 'paper', seen: 480_000, learningRate: 0.05 },
  small: { network: 'cifar-resnet20', seen: 500_000, learningRate: 0.1 },
  photos: { network: 'resnet18', seen: 40_000, learningRate: 0.05 },
}

/**
 * Chooses a network and training options for a data set from all of its images: colour, input size, network, epochs, batch size, optimizer,
 * schedule and augmentation, so that training on a CPU takes minutes rather than hours. Options that are given are kept, and the others are
 * chosen to go with them. See docs/defaults.md.
 *
 * @throws ModelError `INVALID_OPTION`; `NO_CLASSES` if there are fewer than two; `DISPOSED`
 */
export function recommend(data: Dataset | DatasetSurvey, options: RecommendOptions = {}): Recommendation {
  const {
    network: named,
    epochs: ownEpochs,
    batchSize: ownBatch,
    ...given
  } = checked(optionsSchema, options, 'recommend')
  const survey = surveyed(data, 'recommend')
  const { images, classes, gray } = survey
  if (classes.length < 2) {
    throw mismatch('NO_CLASSES', 'recommend', 'images of at least two classes', `one, ${classes[0]}`)
  }
  const choices: Choice[] = []
  const channels = given.channels ?? (images - gray <= NEARLY_GRAY * images ? 1 : 3)
  if (given.channels === undefined) choices.push(colourChoice(survey, channels))
  const size = sizeOf(survey, given)
  if (given.width === undefined && given.height === undefined) {
    choices.push({ what: 'size', value: `${size.width}×${size.height}`, because: size.because })
  }
  const kind = KINDS[!isSmall(size) ? 'photos' : channels === 1 ? 'gray' : 'small']
  const network = named ?? kind.network
  if (named === undefined) {
    const because = `the images are ${isSmall(size) ? `small${channels === 1 ? ' and gray' : ''}` : 'larger than 64×64'}`
    choices.push({ what: 'network', value: network, because })
  }
  const transform = given.transform ?? transformFor(size)
  const { width, height } = size
  const definition = namedNetwork(network, { ...given, channels, width, height, transform, classes: classes.length })
  const augmentation = chosenAugmentation(size, { asTheyAre: size.asTheyAre, gray: channels === 1, classes })
  choices.push({ what: 'augmentation', value: augmentation.value, because: augmentation.because })
  const [epochs, batchSize] = [ownEpochs ?? epochsFor(images, kind.seen), ownBatch ?? batchFor(images)]
  const training = {
    epochs,
    batchSize,
    optimizer: sgd({ learningRate: (kind.learningRate * batchSize) / 64, weightDecay: 5e-4 }),
    schedule: oneCycle(),
    labelSmoothing: 0.1,
    augment: augmentation.augment,
  }
  choices.push({
    what: 'length',
    value: `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of batches of ${batchSize}`,
    because: `there are ${grouped(images)} images`,
  })
  return frozen({ definition, training, choices })
}

/** Up to CIFAR's and somewhat more, where the networks of ImageNet would leave no map to look at. */
function isSmall({ width, height }: ChosenSize): boolean {
  return Math.max(width, height) <= 64
}

function colourChoice({ images, gray }: DatasetSurvey, channels: number): Choice {
  const value = channels === 1 ? 'gray' : 'colour'
  const because =
    gray === 0 || gray === images
      ? `all images are ${gray === 0 ? 'in colour' : 'gray'}`
      : `${share(gray, images)} are gray`
  return { what: 'colour', value, because }
}

function sizeOf(survey: DatasetSurvey, { width, height }: RecommendOptions): ChosenSize {
  if (width === undefined && height === undefined) return chosenSize(survey, FROM_SCRATCH)
  const sides = { width: width ?? (height as number), height: height ?? (width as number) }
  return { ...sides, asTheyAre: usedAsTheyAre(survey, sides), because: '' }
}

/** What is done to images that the model is asked about: the middle of those that training crops. */
function transformFor({ width, height, asTheyAre }: ChosenSize): readonly Transform[] | undefined {
  return asTheyAre || width !== height ? undefined : evaluationTransform(width)
}
