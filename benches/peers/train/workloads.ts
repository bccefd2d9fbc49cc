/** What is trained: a network, the pictures it learns, how many at once, by which steps, and by whom. */
import { cifarResnet, paperResnet, resnet18, type ModelDefinition } from 'jpegnet'
import { IMAGENET, PAPER } from '../workloads.js'
import { ours, peer, type Entry } from './entries.js'

/** Stochastic gradient descent with a fixed learning rate, as both sides run it. */
export interface Descent {
  learningRate: number
  momentum: number
  weightDecay: number
}

/** One network at one size of batch. */
export interface TrainWorkload {
  /** What the command line and the record call it. */
  name: string
  title: string
  definition: ModelDefinition
  pictures: 'cifar' | 'photos-224'
  batch: number
  optimizer: Descent
  /** The first is ours, which the others are compared with. */
  entries: readonly Entry[]
  /** Whether `--largest-batch` looks for its largest batch. */
  limited: boolean
}

const descent = (learningRate: number): Descent => ({ learningRate, momentum: 0.9, weightDecay: 5e-4 })

export const TRAIN_WORKLOADS: readonly TrainWorkload[] = [
  {
    name: 'paper',
    title: "the paper's network, 32×32",
    definition: paperResnet(PAPER),
    pictures: 'cifar',
    batch: 128,
    optimizer: descent(0.02),
    entries: [
      ours('exact'),
      ours('exact', 'bfloat16'),
      ours('asm-6'),
      ours('band-8'),
      peer('pytorch'),
      peer('pytorch-compiled'),
      peer('tfjs-wasm'),
    ],
    limited: true,
  },
  {
    name: 'resnet20',
    title: 'CIFAR ResNet-20, 32×32',
    definition: cifarResnet(20, PAPER),
    pictures: 'cifar',
    batch: 128,
    optimizer: descent(0.002),
    entries: [ours('exact'), ours('exact', 'bfloat16'), peer('pytorch'), peer('pytorch-compiled'), peer('tfjs-wasm')],
    limited: false,
  },
  {
    name: 'resnet18',
    title: 'ResNet-18, 224×224',
    definition: resnet18({ ...IMAGENET, height: 224, width: 224, classes: 10 }),
    pictures: 'photos-224',
    batch: 8,
    optimizer: descent(0.0002),
    entries: [ours('exact'), ours('exact', 'bfloat16'), peer('pytorch'), peer('pytorch-compiled')],
    limited: true,
  },
]
