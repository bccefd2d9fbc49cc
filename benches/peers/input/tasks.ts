/** What is made of JPEG bytes: by this package from coefficients, by sharp from pixels. */
import {
  centerCrop,
  crop,
  pad,
  randomCrop,
  randomHorizontalFlip,
  randomResizedCrop,
  resize,
  type Transform,
} from 'jpegnet'
import type { Sharp } from 'sharp'
import type { PictureSet } from '../pictures.js'

/** One thing to make of the pictures of one set. */
export interface Task {
  /** What the command line and the record call it. */
  name: string
  title: string
  pictures: PictureSet
  batch: number
  /** What becomes of pictures; nothing if only their coefficients, or pixels, are read. */
  transforms?: Transforms | undefined
}

/** The same for both. */
export interface Transforms {
  /** Side of the network's input. */
  side: number
  /** What is timed; random ones are drawn for each picture. */
  ours: readonly Transform[]
  sharp(picture: Sharp): Sharp
  /**
   * What answers are compared on: nothing random, and nothing that enlarges, because libvips's enlargements lie half a pixel
   * of the source off from Pillow's, torchvision's and ours.
   */
  fixed: { side: number; ours: readonly Transform[]; sharp(picture: Sharp): Sharp }
}

/** Without it sharp would resample by Lanczos's filter; shrinking on load stays on, as it is unless told otherwise. */
const linear = { kernel: 'linear' } as const

const evaluated = (whole: number, side: number) => (picture: Sharp) =>
  picture.resize({ width: whole, height: whole, fit: 'outside', ...linear }).extract(middle(whole, side))

const evaluation: Transforms = {
  side: 224,
  ours: [resize(256), centerCrop(224)],
  sharp: evaluated(256, 224),
  fixed: { side: 112, ours: [resize(128), centerCrop(112)], sharp: evaluated(128, 112) },
}

const part = { left: 30, top: 21, width: 160, height: 187 }
const resized = (picture: Sharp, side: number) => picture.resize({ width: side, height: side, fit: 'fill', ...linear })

/** Of pictures of so many pixels a side. */
const resizedCrop = (whole: number): Transforms => ({
  side: 224,
  ours: [randomResizedCrop(224)],
  sharp: picture => resized(picture.extract(randomPart(whole)), 224),
  fixed: {
    side: 112,
    ours: [crop(part), resize({ width: 112, height: 112 })],
    sharp: picture => resized(picture.extract(part), 112),
  },
})

const SIDE = 32
const PADDING = 4
const black = { r: 0, g: 0, b: 0 }

/**
 * A part of the padded picture, mirrored or not. sharp cuts, mirrors and extends in this order, whatever order it is told in,
 * so the part that lies within the picture is cut and what it lacks is added on the side where it is by then.
 */
function cutPadded(picture: Sharp, left: number, top: number, mirrored: boolean): Sharp {
  const [across, down] = [within(left), within(top)]
  const cut = picture.extract({ left: across.first, top: down.first, width: across.count, height: down.count })
  const [before, after] = mirrored ? [across.after, across.before] : [across.before, across.after]
  const sides = { left: before, right: after, top: down.before, bottom: down.after, background: black }
  return (mirrored ? cut.flop() : cut).extend(sides)
}

/** Of so many pixels from a place in the padded picture on, those of the picture and those before and after it. */
function within(from: number) {
  const [first, end] = [Math.max(0, from - PADDING), Math.min(SIDE, from - PADDING + SIDE)]
  return { first, count: end - first, before: first - (from - PADDING), after: from - PADDING + SIDE - end }
}

const cropAndFlip: Transforms = {
  side: SIDE,
  ours: [randomCrop(SIDE, { padding: PADDING }), randomHorizontalFlip()],
  sharp: picture => cutPadded(picture, below(2 * PADDING + 1), below(2 * PADDING + 1), Math.random() < 0.5),
  fixed: {
    side: SIDE,
    ours: [
      pad(PADDING),
      crop({ left: 1, top: 6, width: SIDE, height: SIDE }),
      randomHorizontalFlip({ probability: 1 }),
    ],
    sharp: picture => cutPadded(picture, 1, 6, true),
  },
}

export const TASKS: readonly Task[] = [
  { name: 'coefficients-cifar', title: '32×32, read', pictures: 'cifar', batch: 512 },
  { name: 'coefficients-photos', title: '224×224, read', pictures: 'photos-224', batch: 64 },
  { name: 'coefficients-photos-500', title: '500×500, read', pictures: 'photos-500', batch: 64 },
  {
    name: 'crop-flip',
    title: '32×32, padded, cropped, flipped',
    pictures: 'cifar',
    batch: 512,
    transforms: cropAndFlip,
  },
  {
    name: 'evaluation',
    title: '224×224, to 256 and its middle',
    pictures: 'photos-224',
    batch: 64,
    transforms: evaluation,
  },
  {
    name: 'evaluation-500',
    title: '500×500, to 256 and its middle',
    pictures: 'photos-500',
    batch: 64,
    transforms: evaluation,
  },
  {
    name: 'resized-crop',
    title: '224×224, random resized crop',
    pictures: 'photos-224',
    batch: 64,
    transforms: resizedCrop(224),
  },
  {
    name: 'resized-crop-500',
    title: '500×500, random resized crop',
    pictures: 'photos-500',
    batch: 64,
    transforms: resizedCrop(500),
  },
]

function middle(whole: number, side: number) {
  const first = (whole - side) / 2
  return { left: first, top: first, width: side, height: side }
}

function below(limit: number): number {
  return Math.floor(Math.random() * limit)
}

/** torchvision's distribution of random resized crops: 8 to 100 % of the area, 3:4 to 4:3. */
function randomPart(whole: number) {
  for (;;) {
    const area = whole * whole * (0.08 + 0.92 * Math.random())
    const ratio = Math.exp(Math.log(3 / 4) + Math.random() * (Math.log(4 / 3) - Math.log(3 / 4)))
    const [width, height] = [Math.round(Math.sqrt(area * ratio)), Math.round(Math.sqrt(area / ratio))]
    if (width < 1 || height < 1 || width > whole || height > whole) continue
    return { left: below(whole - width + 1), top: below(whole - height + 1), width, height }
  }
}
