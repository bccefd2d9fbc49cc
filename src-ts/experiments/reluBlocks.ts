/** How far ReLU by masking is from ReLU, block by block: the paper's first experiment. */
import { linesChart } from '../report/charts.js'
import { lift, rectifiedBlocks } from '../native/addon.js'
import type { Experiment, Row, Settings } from './experiment.js'
import { PUBLISHED_ERRORS } from './published.js'

const SIZE = 64
const FREQUENCIES = Array.from({ length: 15 }, (_, index) => index + 1)

const KINDS = {
  boxes: '4×4 boxes',
  pixels: '8×8 pixels',
} as const

/** The paper's means, beside those that are found. */
const PUBLISHED_CURVES = (['asm', 'apx'] as const).map(masking => ({
  name: `${masking.toUpperCase()}, paper`,
  beside: masking.toUpperCase(),
  points: FREQUENCIES.map((x, index) => ({ x, y: PUBLISHED_ERRORS[masking][index] ?? NaN })),
}))

export const reluBlocks: Experiment = {
  name: 'relu-blocks',
  title: 'ReLU by masking, block by block',
  needsData: false,
  parts: ({ quick, seeds }: Settings) =>
    Array.from({ length: seeds }, (_, seed) =>
      (Object.keys(KINDS) as (keyof typeof KINDS)[]).map(kind => ({
        key: `${kind}-${seed}`,
        title: `${KINDS[kind]}, seed ${seed + 1}`,
        weight: 1,
        run: async () => errorsOf(kind, seed, quick ? 10_000 : 400_000),
      })),
    ).flat(),
  findings: rows => {
    const means = meansOf(rows)
    const table = (kind: keyof typeof KINDS) => ({
      caption: `Mean error of a block, ${KINDS[kind]}`,
      head: ['φ', 'ASM', 'APX', ...(kind === 'boxes' ? ['ASM, paper', 'APX, paper'] : [])],
      rows: FREQUENCIES.map(frequencies => [
        frequencies,
        ...(['asm', 'apx'] as const).map(masking => mean(means, kind, masking, frequencies).toFixed(4)),
        ...(kind === 'boxes'
          ? [PUBLISHED_ERRORS.asm, PUBLISHED_ERRORS.apx].map(all => (all[frequencies - 1] ?? NaN).toFixed(4))
          : []),
      ]),
    })
    const worst = Math.max(
      ...(['asm', 'apx'] as const).flatMap(masking =>
        FREQUENCIES.map(frequencies =>
          Math.abs(mean(means, 'boxes', masking, frequencies) - (PUBLISHED_ERRORS[masking][frequencies - 1] ?? NaN)),
        ),
      ),
    )
    const curves = (kind: keyof typeof KINDS) => [
      ...(['asm', 'apx'] as const).map(masking => ({
        name: masking.toUpperCase(),
        points: FREQUENCIES.map(frequencies => ({ x: frequencies, y: mean(means, kind, masking, frequencies) })),
      })),
      ...(kind === 'boxes' ? PUBLISHED_CURVES : []),
    ]
    return {
      text: [
        'Random blocks go through ReLU as networks here compute it: ASM picks the pieces from the φ lowest frequencies and keeps the values, APX truncates both. The error of a block is the root of its mean squared difference from ReLU of its pixels.',
        `Of 4×4 boxes, uniform in −1…1 and doubled to 8×8, the largest difference from the paper's means is ${worst.toFixed(4)}.`,
      ],
      figures: (Object.keys(KINDS) as (keyof typeof KINDS)[]).map(kind => ({
        name: kind,
        caption: `Error of a block against φ, ${KINDS[kind]}`,
        svg: linesChart(`error of a block against φ, ${KINDS[kind]}`, { x: 'φ', y: 'mean error' }, curves(kind)),
      })),
      tables: (Object.keys(KINDS) as (keyof typeof KINDS)[]).map(table),
    }
  },
}

/** Errors at every φ of blocks of a kind. */
async function errorsOf(kind: keyof typeof KINDS, seed: number, count: number): Promise<Row[]> {
  const random = generator(1 + seed)
  const pixels = new Float32Array(count * SIZE)
  for (let block = 0; block < count; block++) {
    const at = block * SIZE
    if (kind === 'pixels') for (let k = 0; k < SIZE; k++) pixels[at + k] = 2 * random() - 1
    else {
      const boxes = Array.from({ length: 16 }, () => 2 * random() - 1)
      for (let k = 0; k < SIZE; k++) pixels[at + k] = boxes[(k >> 4) * 4 + ((k & 7) >> 1)] as number
    }
  }
  const rows: Row[] = []
  for (const masking of ['asm', 'apx'] as const) {
    for (const frequencies of FREQUENCIES) {
      const found = lift(await rectifiedBlocks(pixels, masking, frequencies))
      let sum = 0
      for (let block = 0; block < count; block++) {
        let squares = 0
        for (let k = block * SIZE; k < (block + 1) * SIZE; k++) {
          squares += ((found[k] as number) - Math.max(0, pixels[k] as number)) ** 2
        }
        sum += Math.sqrt(squares / SIZE)
      }
      rows.push({ blocks: kind, count, seed: seed + 1, masking, frequencies, error: sum / count })
    }
  }
  return rows
}

type Means = Map<string, { sum: number; count: number }>

function meansOf(rows: readonly Row[]): Means {
  const means: Means = new Map()
  for (const { blocks, masking, frequencies, error } of rows) {
    const key = `${blocks} ${masking} ${frequencies}`
    const { sum, count } = means.get(key) ?? { sum: 0, count: 0 }
    means.set(key, { sum: sum + Number(error), count: count + 1 })
  }
  return means
}

function mean(means: Means, kind: string, masking: string, frequencies: number): number {
  const { sum, count } = means.get(`${kind} ${masking} ${frequencies}`) ?? { sum: NaN, count: 1 }
  return sum / count
}

/** Numbers in 0…1 from a seed (SplitMix32): the same on every machine. */
function generator(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b9)
  return () => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
}
