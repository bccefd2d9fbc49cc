/** Single 3×3 convolutions at stride 1, ours against onnxruntime's direct convolution, as they run within a network. */
import {
  conv2d,
  createModel,
  defineModel,
  globalAveragePool,
  linear,
  relu,
  sequential,
  type ModelDefinition,
} from 'jpegnet'
import { agreements } from './answers.js'
import type { Answers } from './orders.js'
import { madePictures } from './pictures.js'
import { stored, type Prepared } from './prepare.js'
import { Contender } from './process.js'
import { median, timeInTurns } from './turns.js'

/** Channels and the side of the maps that have them in residual networks for 32×32 and 256×256. */
const SHAPES = [
  { channels: 16, side: 32 },
  { channels: 32, side: 32 },
  { channels: 64, side: 32 },
  { channels: 64, side: 64 },
  { channels: 128, side: 32 },
  { channels: 256, side: 16 },
  { channels: 512, side: 8 },
] as const
const BATCHES = [1, 16]
const SIDES = ['jpegnet', 'onnxruntime-node'] as const

/**
 * Convolutions, each with its ReLU, that a deep chain has more than a shallow one. The time between the two is theirs alone:
 * the first layer, the pooling and whatever layout a runtime changes to and from are in both.
 */
const MORE = 8

export interface ConvolutionResult {
  channels: number
  side: number
  batch: number
  contender: (typeof SIDES)[number]
  threads: number
  versions: Record<string, string>
  /** Of one convolution. */
  milliseconds: number
  /** A multiply-add of the direct algorithm is two. */
  gigaflops: number
  /** How many times longer it takes than ours. */
  slower: number
}

/** Makes the chains of every shape. */
export async function prepareConvolutions(): Promise<
  { channels: number; side: number; shallow: Prepared; deep: Prepared }[]
> {
  const chains = []
  for (const { channels, side } of SHAPES) {
    const files = await madePictures(side, Math.max(...BATCHES), { quality: 90, chromaSubsampling: '4:4:4' })
    const shallow = await prepared(channels, side, 1, files)
    chains.push({ channels, side, shallow, deep: await prepared(channels, side, 1 + MORE, files) })
  }
  return chains
}

/** Times C → C convolutions. */
export async function convolutions(
  rounds: number,
  threads: number,
  onResult: (result: ConvolutionResult) => void,
): Promise<ConvolutionResult[]> {
  const results: ConvolutionResult[] = []
  for (const { channels, side, shallow, deep } of await prepareConvolutions()) {
    for (const batch of BATCHES) {
      const contenders = SIDES.flatMap(name => [new Contender(name, threads), new Contender(name, threads)])
      try {
        const opened: Answers['open'][] = []
        for (const [index, contender] of contenders.entries()) {
          const workload = index % 2 === 0 ? shallow : deep
          opened.push(await contender.tell({ type: 'open', side: contender.name, workload, threads, batch }))
        }
        const [oursShallow, oursDeep, theirsShallow, theirsDeep] = contenders as [
          Contender,
          Contender,
          Contender,
          Contender,
        ]
        await agreements(shallow, oursShallow, [theirsShallow])
        await agreements(deep, oursDeep, [theirsDeep])
        const times = await timeInTurns(contenders, ['network'], rounds)
        const [ours, theirs] = [0, 2].map(first => {
          const [few, many] = [times[first]?.network ?? [], times[first + 1]?.network ?? []]
          return median(many.map((time, round) => (time - (few[round] as number)) / MORE))
        }) as [number, number]
        const operations = 2 * 9 * channels * channels * side * side * batch
        SIDES.forEach((contender, index) => {
          const milliseconds = index === 0 ? ours : theirs
          const [gigaflops, slower] = [operations / milliseconds / 1e6, milliseconds / ours]
          const { threads, versions } = opened[2 * index] as Answers['open']
          const result = { channels, side, batch, contender, threads, versions, milliseconds, gigaflops, slower }
          results.push(result)
          onResult(result)
        })
      } finally {
        await Promise.all(contenders.map(contender => contender.end()))
      }
    }
  }
  return results
}

async function prepared(channels: number, side: number, depth: number, files: string[]): Promise<Prepared> {
  using model = createModel(chain(channels, side, depth), { seed: 1 })
  const title = `${depth} convolutions, ${channels} channels, ${side}×${side}`
  const name = `convolutions-${channels}-${side}-${depth}`
  return await stored(model, { name, title, batches: BATCHES, files, pictures: 'made pictures', weights: 'drawn' })
}

function chain(channels: number, side: number, depth: number): ModelDefinition {
  const convolutions = Array.from({ length: depth }, (_, index) => [
    [`conv${index}`, conv2d({ channels })],
    [`relu${index}`, relu()],
  ]).flat()
  const layers = sequential({
    ...Object.fromEntries(convolutions),
    pool: globalAveragePool(),
    fc: linear({ features: 10 }),
  })
  return defineModel({ name: 'convolutions', input: { channels: 3, height: side, width: side }, layers })
}
