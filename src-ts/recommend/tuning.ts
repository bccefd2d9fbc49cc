/** How to train a network that was trained before, for the images at hand. */
import * as z from 'zod'
import type { Dataset } from '../data/dataset.js'
import type { DatasetSurvey } from '../data/survey.js'
import { frozen } from '../layers/freeze.js'
import type { ModelDefinition } from '../model/definition.js'
import type { ModelNode } from '../model/summary.js'
import { grouped } from '../numbers.js'
import { checked } from '../options.js'
import { adam, sgd } from '../train/optimizers.js'
import { oneCycle } from '../train/schedules.js'
import { chosenAugmentation } from './augmentation.js'
import { batchFor, epochsFor } from './length.js'
import type { Choice, RecommendedTraining } from './recommend.js'
import { usedAsTheyAre } from './size.js'
import { surveyed } from './surveyed.js'

/** What is already decided of a fine-tuning. */
export interface TuningOptions {
  /** Whether the body learns too; it is frozen by default. */
  body?: boolean | undefined
  /** Whether images are changed at random, so that features differ from epoch to epoch; not by default. */
  augmented?: boolean | undefined
  /** Passes over the data. */
  epochs?: number | undefined
  /** Images a batch. */
  batchSize?: number | undefined
}

/** A training for a model that was trained before. */
export interface TuningRecommendation {
  training: RecommendedTraining
  /** What was chosen rather than given. */
  choices: readonly Choice[]
}

const optionsSchema = z.strictObject({
  body: z.boolean().optional(),
  augmented: z.boolean().optional(),
  epochs: z.int().min(1).optional(),
  batchSize: z.int().min(1).optional(),
}) satisfies z.ZodType<TuningOptions>

const modelSchema = z.custom<{ definition: ModelDefinition; nodes: readonly ModelNode[] }>(
  value => typeof value === 'object' && value !== null && 'definition' in value && 'nodes' in value,
  'a model',
)

/** Images that a head is shown as features, which cost nothing; and a whole network, or a head behind a body that runs every time. */
const SEEN = { features: 20_000, pictures: 8_000 }

/** Photos up to which a network that was trained before is better and faster than any that is trained from scratch. */
const FEW = 5_000

/**
 * Whether a network of ImageNet is what suits these images: few, in colour, larger than small ones.
 *
 * @throws ModelError `INVALID_OPTION`, `DISPOSED`
 */
export function suitsPretrained(data: Dataset | DatasetSurvey): boolean {
  const { images, gray, sizes } = surveyed(data, 'suitsPretrained')
  const large = sizes.reduce((sum, { width, height, count }) => sum + (Math.min(width, height) > 64 ? count : 0), 0)
  return images <= FEW && 2 * gray < images && 2 * large > images
}

/**
 * A training for a model that was trained before: of its head alone, unless its body shall learn too.
 *
 * @throws ModelError `INVALID_OPTION`, `DISPOSED`
 */
export function recommendTuning(
  data: Dataset | DatasetSurvey,
  model: { definition: ModelDefinition; nodes: readonly ModelNode[] },
  options: TuningOptions = {},
): TuningRecommendation {
  const { definition, nodes } = checked(modelSchema, model, 'recommendTuning.model')
  const { body = false, augmented = false, ...given } = checked(optionsSchema, options, 'recommendTuning')
  const survey = surveyed(data, 'recommendTuning')
  const { images, classes, gray } = survey
  const { input } = definition
  const choices: Choice[] = []
  const batchSize = given.batchSize ?? batchFor(images)
  const seen = body || augmented ? SEEN.pictures : SEEN.features
  const epochs = given.epochs ?? epochsFor(images, seen)
  const common = { epochs, batchSize, schedule: oneCycle(), labelSmoothing: 0.1 }
  const length: Choice = {
    what: 'length',
    value: `${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} of batches of ${batchSize}`,
    because: `there are ${grouped(images)} images`,
  }
  if (!body) {
    choices.push({
      what: 'frozen',
      value: 'the head alone learns',
      because: 'its body was trained before',
    })
    const freeze = bodyOf(nodes)
    // As tested: what the body makes of an image is then the same in every epoch.
    const augment = input.transform ?? []
    return frozen({
      training: { ...common, labelSmoothing: 0, optimizer: adam({ learningRate: 0.001 }), augment, freeze },
      choices: [...choices, length],
    })
  }
  const asTheyAre = usedAsTheyAre(survey, input)
  const { augment, value, because } = chosenAugmentation(input, { asTheyAre, gray: 2 * gray > images, classes })
  choices.push({ what: 'augmentation', value, because }, length)
  const optimizer = sgd({ learningRate: (0.02 * batchSize) / 64, weightDecay: 1e-4 })
  return frozen({ training: { ...common, optimizer, augment }, choices })
}

/** Paths that mean every layer that learns but the last: as short as they can be. */
function bodyOf(nodes: readonly ModelNode[]): string[] {
  const layers = nodes.filter(({ parameters }) => parameters > 0).map(({ path }) => path)
  const head = layers.at(-1) as string
  const body = layers.slice(0, -1)
  const [top] = head.split('.')
  return [...new Set(body.map(path => (path.split('.')[0] === top ? path : (path.split('.')[0] as string))))]
}
