/** How far ReLU by masking is from ReLU, block by block: the paper's first experiment. */
import { linesChart } from '../report/charts.js'
import { lift, rectifiedBlocks } from '../native/addon.js'
import type { Experiment, Row, Settings } from './experiment.js'
import { meanOf, where } from './rows.js'

const SIZE = 64
const FREQUENCIES = Array.from({ length: 15 }, (_, index) => index + 1)

const KINDS = {
  boxes: '4×4 boxes',
  pixels: '8×8 pixels',
} as const

/** Means of 400,000 blocks of 4×4 boxes, computed on pixels in float64. The paper draws its curves and prints no numbers. */
const REFERENCE: Readonly<Record<'asm' | 'apx', readonly number[]>> = {
  asm: [0.344, 0.295, 0.239, 0.171, 0.122, 0.079, 0.049, 0.031, 0.015, 0.009, 0.005, 0.002, 0.0004, 0, 0],
  apx: [0.365, 0.334, 0.297, 0.253, 0.219, 0.18, 0.142, 0.109, 0.072, 0.052, 0.037, 0.023, 0.01, 0.003, 0],
}
const REFERENCE_CURVES = (['asm', 'apx'] as const).map(masking => ({
  name: `${masking.toUpperCase()}, float64`,
  beside: masking.toUpperCase(),
  points: FREQUENCIES.map((x, index) => ({ x, y: REFERENCE[masking][index] ?? NaN })),
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
    const mean = (blocks: keyof typeof KINDS, masking: string, frequencies: number) =>
      meanOf(where(rows, { blocks, masking, frequencies }), 'error')
    const table = (kind: keyof typeof KINDS) => ({
      caption: `Mean error of a block, ${KINDS[kind]}`,
      head: ['φ', 'ASM', 'APX', ...(kind === 'boxes' ? ['ASM, float64', 'APX, float64'] : [])],
      rows: FREQUENCIES.map(frequencies => [
        frequencies,
        ...(['asm', 'apx'] as const).map(masking => mean(kind, masking, frequencies).toFixed(4)),
        ...(kind === 'boxes'
          ? [REFERENCE.asm, REFERENCE.apx].map(all => (all[frequencies - 1] ?? NaN).toFixed(4))
          : []),
      ]),
    })
    const worst = Math.max(
      ...(['asm', 'apx'] as const).flatMap(masking =>
        FREQUENCIES.map(frequencies =>
          Math.abs(mean('boxes', masking, frequencies) - (REFERENCE[masking][frequencies - 1] ?? NaN)),
        ),
      ),
    )
    const curves = (kind: keyof typeof KINDS) => [
      ...(['asm', 'apx'] as const).map(masking => ({
        name: masking.toUpperCase(),
        points: FREQUENCIES.map(frequencies => ({ x: frequencies, y: mean(kind, masking, frequencies) })),
      })),
      ...(kind === 'boxes' ? REFERENCE_CURVES : []),
    ]
    return {
      text: [
        'Random blocks go through ReLU as networks here compute it: ASM picks the pieces from the φ lowest frequencies and keeps the values, APX truncates both. The error of a block is the root of its mean squared difference from ReLU of its pixels.',
        `Of 4×4 boxes, uniform in −1…1 and doubled to 8×8, the largest difference from means computed on pixels in float64, dashed, is ${worst.toFixed(4)}. The paper draws the same two curves, of ten million blocks: ASM below APX at every φ, and no error with all frequencies.`,
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
