/** `--augment crop,flip,jitter=0.2`: what training does to images at random, by name. */
import { InvalidArgumentError, Option } from 'commander'
import {
  colorJitter,
  cover,
  cutMix,
  cutout,
  mixup,
  randomCrop,
  randomErasing,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  randomRightAngle,
  randomVerticalFlip,
  type Mix,
  type TrainOptions,
  type Transform,
} from '../index.js'

/** What augmentations must know of a network's input. */
interface Input {
  readonly height: number
  readonly width: number
}

/** What a name stands for; geometry, colours and erasing are put into that order. */
interface Augmentation {
  stage: 'geometry' | 'colours' | 'erasing' | 'mix'
  /** What its number is, if it takes one, and which there may be. */
  value?: { name: string; fits: (value: number) => boolean }
  make: (input: Input, value: number | undefined) => readonly (Transform | Mix)[]
}

const STAGES = ['geometry', 'colours', 'erasing'] as const

const probability = { name: 'a probability from 0 to 1', fits: (value: number) => value >= 0 && value <= 1 }
const alpha = { name: 'α above 0', fits: (value: number) => value > 0 }
const pixels = (least: number) => ({
  name: `pixels, a whole number from ${least} to 65500`,
  fits: (value: number) => Number.isInteger(value) && value >= least && value <= 65_500,
})
const shorter = ({ height, width }: Input) => Math.min(height, width)

const AUGMENTATIONS: Record<string, Augmentation> = {
  crop: {
    stage: 'geometry',
    value: pixels(0),
    // Of images that are not of the network's size, what it would read of them.
    make: (input, padding = Math.round(shorter(input) / 8)) => [
      cover(sizeOf(input)),
      randomCrop(sizeOf(input), { padding }),
    ],
  },
  'resized-crop': {
    stage: 'geometry',
    value: { name: 'the least share of the area, above 0 and at most 1', fits: value => value > 0 && value <= 1 },
    make: (input, least = 0.08) => [randomResizedCrop(sizeOf(input), { scale: [least, 1] })],
  },
  flip: { stage: 'geometry', value: probability, make: (_, probability) => [randomHorizontalFlip({ probability })] },
  'flip-vertical': {
    stage: 'geometry',
    value: probability,
    make: (_, probability) => [randomVerticalFlip({ probability })],
  },
  rotate: { stage: 'geometry', make: () => [randomRightAngle()] },
  jitter: {
    stage: 'colours',
    value: { name: 'an amount of at least 0', fits: value => value >= 0 },
    make: (_, amount = 0.4) => [colorJitter({ brightness: amount, contrast: amount, saturation: amount })],
  },
  gray: { stage: 'colours', value: probability, make: (_, probability) => [randomGrayscale({ probability })] },
  erase: { stage: 'erasing', value: probability, make: (_, probability) => [randomErasing({ probability })] },
  cutout: {
    stage: 'erasing',
    value: pixels(1),
    make: (input, size = Math.max(1, Math.round(shorter(input) / 2))) => [cutout(size)],
  },
  mixup: { stage: 'mix', value: alpha, make: (_, alpha) => [mixup({ alpha })] },
  cutmix: { stage: 'mix', value: alpha, make: (_, alpha) => [cutMix({ alpha })] },
}

/** A name with its number, as given. */
export interface NamedAugmentation {
  name: string
  value: number | undefined
}

/** The option, whose value is a list of names. */
export const augmentOption = () =>
  new Option(
    '--augment <a,b=x,…>',
    `random transforms of training images: ${Object.keys(AUGMENTATIONS).join(', ')}, most with a number if wanted (jitter=0.2); ` +
      'none: no augmentation (default: chosen from the images; a resumed training keeps its own)',
  ).argParser(read)

function read(text: string): NamedAugmentation[] {
  if (text === 'none') return []
  return text.split(',').map(entry => {
    const [name = '', number, ...rest] = entry.trim().split('=')
    const augmentation = Object.hasOwn(AUGMENTATIONS, name) ? AUGMENTATIONS[name] : undefined
    if (!augmentation) {
      const names = Object.keys(AUGMENTATIONS).join(', ')
      throw new InvalidArgumentError(`Expected names among ${names}, or none alone, found ${entry}.`)
    }
    if (number === undefined) return { name, value: undefined }
    const value = number.trim() === '' ? NaN : Number(number)
    const expected = augmentation.value ? `${name}=x with ${augmentation.value.name}` : `${name} without a number`
    if (rest.length > 0 || !Number.isFinite(value) || !augmentation.value?.fits(value)) {
      throw new InvalidArgumentError(`Expected ${expected}, found ${entry}.`)
    }
    return { name, value }
  })
}

/** The training's options of these names for a network; nothing if the option was not given. */
export function augmentationsOf(
  named: readonly NamedAugmentation[] | undefined,
  input: Input,
): Pick<TrainOptions, 'augment' | 'mix'> {
  if (!named) return {}
  const made = named.map(({ name, value }) => {
    const { stage, make } = AUGMENTATIONS[name] as Augmentation
    return { stage, what: make(input, value) }
  })
  const of = <T>(wanted: Augmentation['stage']) =>
    made.flatMap(({ stage, what }) => (stage === wanted ? (what as readonly T[]) : []))
  return { augment: STAGES.flatMap(stage => of<Transform>(stage)), mix: of<Mix>('mix') }
}

function sizeOf({ height, width }: Input) {
  return { height, width }
}
