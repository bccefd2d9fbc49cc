/** What is compared: a network, its weights, pictures of its size, and the batches they come in. */
import * as jpegnet from 'jpegnet'
import type { ModelDefinition, NetworkOptions } from 'jpegnet'
import type { PictureSet } from './pictures.js'
import type { SideName } from './sides/side.js'

/** One network at one size. */
export interface Workload {
  /** What the command line and the record call it. */
  name: string
  title: string
  /** The network; undefined if this build of the package cannot make it. */
  definition: () => ModelDefinition | undefined
  /** Trained weights, in the repository or beside the data; where there are none, they are drawn. */
  weights?: { folder: 'fixtures' | 'data'; file: string } | undefined
  pictures: PictureSet
  batches: readonly number[]
  /** Sides that would take too long a batch, and are left out. */
  without: readonly SideName[]
}

/** Of the paper network's weights. */
const PAPER = { mean: [125.307, 122.95, 113.865].map(byte), std: [62.993, 62.089, 66.705].map(byte) }
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

const factories: Partial<Record<string, unknown>> = { ...jpegnet }

/** What a factory of the package makes; undefined if the package has none of that name. */
function made(factory: string, options: NetworkOptions & { depth?: number }): ModelDefinition | undefined {
  const make = factories[factory]
  return typeof make === 'function' ? (make as (options: NetworkOptions) => ModelDefinition)(options) : undefined
}

const imagenet = (side: number) => ({ ...IMAGENET, height: side, width: side, classes: 1000 })

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'paper',
    title: "the paper's network, 32×32",
    definition: () => jpegnet.paperResnet(PAPER),
    weights: { folder: 'fixtures', file: 'paper_resnet.safetensors' },
    pictures: 'cifar',
    batches: [128],
    without: [],
  },
  {
    name: 'resnet20',
    title: 'CIFAR ResNet-20, 32×32',
    definition: () => made('cifarResnet', { ...IMAGENET, depth: 20 }),
    weights: { folder: 'data', file: 'resnet20-cifar10.safetensors' },
    pictures: 'cifar',
    batches: [128],
    without: [],
  },
  {
    name: 'resnet18',
    title: 'ResNet-18, 256×256',
    definition: () => made('resnet18', imagenet(256)),
    pictures: 'photos-256',
    batches: [8, 1],
    without: ['tfjs-wasm'],
  },
  {
    name: 'resnet18-224',
    title: 'ResNet-18, 224×224',
    definition: () => made('resnet18', imagenet(224)),
    pictures: 'photos-224',
    batches: [8],
    without: ['tfjs-wasm', 'onnxruntime-web'],
  },
  {
    name: 'resnet50',
    title: 'ResNet-50, 256×256',
    definition: () => made('resnet50', imagenet(256)),
    pictures: 'photos-256',
    batches: [8, 1],
    without: ['tfjs-wasm'],
  },
]

function byte(value: number): number {
  return value / 255
}
