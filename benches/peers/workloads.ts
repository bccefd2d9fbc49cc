/** What is compared: a network, its weights, pictures of its size, and the batches they come in. */
import { cifarResnet, paperResnet, resnet18, resnet50, type ModelDefinition } from 'jpegnet'
import type { PictureSet } from './pictures.js'
import type { SideName } from './sides/names.js'

/** One network at one size. */
export interface Workload {
  /** What the command line and the record call it. */
  name: string
  title: string
  definition: ModelDefinition
  /** Trained weights, in the repository or beside the data; where there are none, they are drawn. */
  weights?: { folder: 'fixtures' | 'data'; file: string } | undefined
  pictures: PictureSet
  batches: readonly number[]
  sides: readonly SideName[]
}

/** Normalisation of CIFAR-10, which the weights of the paper's network were trained with. */
export const PAPER = { mean: [125.307, 122.95, 113.865].map(byte), std: [62.993, 62.089, 66.705].map(byte) }
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }

const imagenet = (side: number) => ({ ...IMAGENET, height: side, width: side })

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'paper',
    title: "the paper's network, 32×32",
    definition: paperResnet(PAPER),
    weights: { folder: 'fixtures', file: 'paper_resnet.safetensors' },
    pictures: 'cifar',
    batches: [128],
    sides: ['jpegnet', 'onnxruntime-node', 'onnxruntime-web', 'tfjs-wasm'],
  },
  {
    name: 'resnet20',
    title: 'CIFAR ResNet-20, 32×32',
    definition: cifarResnet(20, IMAGENET),
    weights: { folder: 'data', file: 'resnet20-cifar10.safetensors' },
    pictures: 'cifar',
    batches: [128],
    sides: ['jpegnet', 'onnxruntime-node', 'onnxruntime-web', 'tfjs-wasm'],
  },
  {
    name: 'resnet18',
    title: 'ResNet-18, 256×256',
    definition: resnet18(imagenet(256)),
    pictures: 'photos-256',
    batches: [8, 1],
    sides: ['jpegnet', 'jpegnet-band-8', 'jpegnet-band-6', 'onnxruntime-node', 'onnxruntime-web'],
  },
  {
    name: 'resnet18-224',
    title: 'ResNet-18, 224×224',
    definition: resnet18(imagenet(224)),
    pictures: 'photos-224',
    batches: [8],
    sides: ['jpegnet', 'onnxruntime-node'],
  },
  {
    name: 'resnet50',
    title: 'ResNet-50, 256×256',
    definition: resnet50(imagenet(256)),
    pictures: 'photos-256',
    batches: [8, 1],
    sides: ['jpegnet', 'jpegnet-band-8', 'jpegnet-band-6', 'onnxruntime-node', 'onnxruntime-web'],
  },
]

function byte(value: number): number {
  return value / 255
}
