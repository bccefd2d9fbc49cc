/** Pictures beside their coefficients and what the network said of them. */
import { readFile } from 'node:fs/promises'
import { jpegCoefficients, type CoefficientPlane } from '../data/coefficients.js'
import type { Prediction } from '../model/predict.js'
import { percent } from '../numbers.js'
import { escaped } from './html.js'

/** A picture that the page shows. */
export interface ReportPicture {
  /** Made from a file that is still there. */
  prediction: Prediction
  /** What it is, if that is known. */
  label?: string | undefined
}

const BLOCK = 8

/** Magnitudes from which a coefficient is drawn stronger. */
const LEVELS = [1, 3, 8, 20]

/** The gallery: each picture, its luminance coefficients, and the likeliest classes. */
export async function gallery(pictures: readonly ReportPicture[]): Promise<string> {
  const figures = await Promise.all(pictures.map(figure))
  return `<div class="pictures">\n${figures.join('\n')}\n</div>`
}

async function figure({ prediction, label }: ReportPicture): Promise<string> {
  const { file, classes } = prediction
  const [bytes, { components }] = await Promise.all([readFile(file), jpegCoefficients(file)])
  const [best, second] = classes
  const said = best ? `${best.label} (${percent(best.probability, 1)})` : ''
  const next = second ? `, then ${second.label} (${percent(second.probability, 1)})` : ''
  const wrong = label !== undefined && best?.label !== label
  const truth = label === undefined ? '' : `is ${escaped(label)}, `
  const caption = `${truth}said <span class="verdict">${escaped(said)}</span>${escaped(next)}`
  const image = `<img src="data:image/jpeg;base64,${bytes.toString('base64')}" alt="${escaped(label ?? 'picture')}">`
  const map = components[0] ? coefficientMap(components[0]) : ''
  return `<figure${wrong ? ' class="wrong"' : ''}>${image}${map}<figcaption>${caption}</figcaption></figure>`
}

/** The non-zero coefficients of a plane, block beside block, the constant term of each at its top left. */
export function coefficientMap({ blocks: [high, wide], values }: Pick<CoefficientPlane, 'blocks' | 'values'>): string {
  const paths = new Map<string, string>()
  values.forEach((value, at) => {
    if (value === 0) return
    const block = Math.floor(at / (BLOCK * BLOCK))
    const inside = at % (BLOCK * BLOCK)
    const x = (block % wide) * BLOCK + (inside % BLOCK)
    const y = Math.floor(block / wide) * BLOCK + Math.floor(inside / BLOCK)
    const level = LEVELS.findLastIndex(least => Math.abs(value) >= least)
    const key = `class="${value > 0 ? 'positive' : 'negative'}" opacity="${((level + 1) / LEVELS.length).toFixed(2)}"`
    paths.set(key, `${paths.get(key) ?? ''}M${x} ${y}h1v1h-1z`)
  })
  const [width, height] = [wide * BLOCK, high * BLOCK]
  const lines = [
    ...Array.from({ length: wide - 1 }, (_, column) => `M${(column + 1) * BLOCK} 0v${height}`),
    ...Array.from({ length: high - 1 }, (_, row) => `M0 ${(row + 1) * BLOCK}h${width}`),
  ].join('')
  const drawn = [...paths].map(([key, path]) => `<path ${key} d="${path}"/>`).join('')
  const title = 'non-zero luminance coefficients'
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">${drawn}<path class="grid" d="${lines}"/></svg>`
}
