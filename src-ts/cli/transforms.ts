/** `--transform resize=256,center-crop=224`: what is done to every image that a model is asked about. */
import { InvalidArgumentError, Option } from 'commander'
import {
  centerCrop,
  cover,
  grayscale,
  resize,
  type Interpolation,
  type ResamplingOptions,
  type Size,
  type Transform,
} from '../index.js'

const FORM =
  'resize=256, resize=256x224, center-crop=224, cover=224, gray, with a filter after the size if wanted (resize=256:bicubic)'
const FILTERS: readonly Interpolation[] = ['bilinear', 'bicubic', 'lanczos']

type Make = (size: Size, options: ResamplingOptions) => Transform
const OF_SIZE: Record<string, Make | undefined> = { resize, cover }

/** The option, whose value is a list of transforms; none if it says so. */
export const transformOption = (otherwise: string) =>
  new Option(
    '--transform <a=x,…>',
    `transforms of every image, in this order, before it is resized and cropped to the network's input size: ${FORM}; or none (default: ${otherwise})`,
  ).argParser(read)

function read(text: string): readonly Transform[] {
  if (text === 'none') return []
  const transforms = text.split(',').map(entry => one(entry.trim()))
  const misplaced = transforms.findIndex(({ type }, at) => type !== 'gray' && transforms[at - 1]?.type === 'gray')
  if (misplaced >= 0) throw new InvalidArgumentError(`Expected gray last, found ${text}.`)
  return transforms
}

function one(entry: string): Transform {
  const wrong = () => new InvalidArgumentError(`Expected transforms such as ${FORM}, or none alone, found ${entry}.`)
  if (entry === 'gray') return grayscale()
  const [, name = '', width, height, filter] = /^([a-z-]+)=(\d{1,5})(?:x(\d{1,5}))?(?::([a-z]+))?$/.exec(entry) ?? []
  const interpolation = FILTERS.find(known => known === filter)
  if (filter !== undefined && interpolation === undefined) throw wrong()
  const sides = [Number(width), Number(height ?? width)] as const
  if (!sides.every(side => side >= 1 && side <= 65_500)) throw wrong()
  const size = height === undefined ? sides[0] : { width: sides[0], height: sides[1] }
  if (name === 'center-crop' && filter === undefined) return centerCrop(size)
  const make = Object.hasOwn(OF_SIZE, name) ? OF_SIZE[name] : undefined
  if (!make) throw wrong()
  return make(size, { interpolation })
}
