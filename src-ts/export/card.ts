/** A model's card: what it is, what it was trained on and how well it did, for programs and for people. */
import * as z from 'zod'
import type { InputDefinition } from '../model/definition.js'
import { modeSentence, ownMode, type Mode } from '../model/mode.js'
import { grouped, percent } from '../numbers.js'
import { checked } from '../options.js'
import { trainedSchema, type Trained } from '../train/trained.js'
import { checkedModel, type Model } from '../model/model.js'

/** What is known of a model; plain data. What is not known is left out. */
export interface ModelCard {
  name: string
  /** Weights and biases. */
  parameters: number
  input: InputDefinition
  classes: number
  /** Names of the classes, in the order of the logits. */
  labels?: readonly string[] | undefined
  /** How feature maps are computed; left out if layers mask in more than one way. */
  mode?: Mode | undefined
  /** The training that the weights come from: data, settings, accuracy. */
  trained?: Trained | undefined
}

/** The card of a model. */
export function modelCard(model: Model): ModelCard {
  const { definition, parameterCount: parameters, classes, labels, trained } = checkedModel(model, 'modelCard')
  const mode = ownMode(definition)
  return {
    name: definition.name,
    parameters,
    input: definition.input,
    classes,
    ...(labels && { labels }),
    ...(mode && { mode }),
    ...(trained && { trained }),
  }
}

const numbers = z.array(z.number()).readonly()

/** What the text is made of; a card that a program read from a file may have more. */
const cardSchema = z.looseObject({
  name: z.string(),
  parameters: z.number(),
  input: z.looseObject({ width: z.number(), height: z.number(), channels: z.number(), mean: numbers, std: numbers }),
  classes: z.number(),
  labels: z.array(z.string()).readonly().optional(),
  trained: trainedSchema.optional(),
})

/**
 * A card as Markdown.
 *
 * @throws ModelError `INVALID_OPTION` if it is no card
 */
export function modelCardMarkdown(card: ModelCard): string {
  checked(cardSchema, card, 'modelCardMarkdown')
  const { name, parameters, input, classes, labels, mode, trained } = card
  const { width, height, channels, mean, std, transform, colour = 'linear' } = input
  const steps = (list: readonly { type: string }[] = []) => list.map(({ type }) => type).join(', ') || 'none'
  const facts = [
    ['parameters', grouped(parameters)],
    ['input', `JPEG files, seen at ${width}×${height}, ${channels === 1 ? 'luminance' : 'red, green and blue'}`],
    ['normalisation', `mean ${mean.join(', ')}; deviation ${std.join(', ')}; of samples in 0…1`],
    ['transform', steps(transform)],
    ['colours', colour],
    ['mode', modeSentence(mode)],
    ['classes', labels ? `${grouped(classes)}: ${labels.map(escaped).join(', ')}` : grouped(classes)],
  ]
  return [`# ${escaped(name)}`, '', ...table(facts), ...(trained ? trainingText(trained, steps) : [])].join('\n') + '\n'
}

function trainingText(trained: Trained, steps: (list: readonly { type: string }[]) => string): string[] {
  const { data, images, classes, epochs, settings, mode, test } = trained
  const { batchSize, accumulate, optimizer, schedule, augment, mix, seed, freeze, labelSmoothing } = settings
  const counts = classes.map(({ name, images }) => `${escaped(name)} ${grouped(images)}`)
  return [
    '',
    '## Training',
    '',
    ...table([
      ['data', `${escaped(data)}: ${grouped(images)} images`],
      ['images of each class', counts.join(', ')],
      ['epochs', `${epochs}, in batches of ${batchSize * accumulate}, seed ${seed}`],
      ['optimizer', `${optimizer.type}, learning rate ${optimizer.learningRate}, schedule ${schedule.type}`],
      ['augmentation', steps([...augment, ...mix])],
      ...(labelSmoothing > 0 ? [['label smoothing', String(labelSmoothing)]] : []),
      ...(freeze.length > 0 ? [['frozen', freeze.map(escaped).join(', ')]] : []),
      ['mode', modeSentence(mode)],
      ...(test
        ? [
            [
              'accuracy',
              `${percent(test.accuracy)} of its test's ${grouped(test.images)} images, after epoch ${test.epoch}`,
            ],
          ]
        : []),
    ]),
  ]
}

function table(rows: readonly (readonly string[])[]): string[] {
  return ['| | |', '|---|---|', ...rows.map(([key, value]) => `| ${key} | ${value} |`)]
}

/** Text that cannot end a cell or begin markup. */
function escaped(text: string): string {
  return text.replace(/[\\|`*_<>[\]]/g, character => `\\${character}`).replace(/\s+/g, ' ')
}
