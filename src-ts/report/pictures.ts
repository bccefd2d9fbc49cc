/** Images on a page: beside their coefficients, or with what the network got wrong about them. */
import { jpegCoefficients, type CoefficientPlane, type JpegCoefficients } from '../data/coefficients.js'
import type { Dataset } from '../data/dataset.js'
import { ModelError } from '../errors.js'
import type { PictureResult } from '../model/evaluation.js'
import type { Prediction } from '../model/predict.js'
import { percent } from '../numbers.js'
import { escaped } from './html.js'
import { smallJpeg } from './thumbnail.js'

/** An image that the page shows. */
export interface ReportPicture {
  /** Made from a file that is still there. */
  prediction: Prediction
  /** What it is, if that is known. */
  label?: string | undefined
}

const BLOCK = 8

/** Magnitudes from which a coefficient is drawn stronger. */
const LEVELS = [1, 3, 8, 20]

/** Most blocks, from left to right and from top to bottom, of an image whose coefficients are drawn. */
const DRAWN = 48

/** The gallery: each image, its luminance coefficients, and the most probable classes. */
export async function gallery(pictures: readonly ReportPicture[]): Promise<string> {
  const figures: string[] = []
  // One after the other, because large ones take much memory until they are small.
  for (const picture of pictures) figures.push(await predicted(picture))
  return `<div class="pictures">\n${figures.join('\n')}\n</div>`
}

async function predicted({ prediction, label }: ReportPicture): Promise<string> {
  const { file, classes } = prediction
  const coefficients = await jpegCoefficients(file, { onError: 'use' })
  const [best, second] = classes
  const said = best ? `${best.label} (${percent(best.probability, 1)})` : ''
  const next = second ? `, then ${second.label} (${percent(second.probability, 1)})` : ''
  const wrong = label !== undefined && best?.label !== label
  const truth = label === undefined ? '' : `is ${escaped(label)}, `
  const caption = `${truth}said <span class="verdict">${escaped(said)}</span>${escaped(next)}`
  const [plane] = coefficients.components
  const map = plane && Math.max(...plane.blocks) <= DRAWN ? coefficientMap(plane) : ''
  const picture = image(await smallJpeg(coefficients), label ?? 'image')
  return `<figure${wrong ? ' class="wrong"' : ''}>${picture}${map}<figcaption>${caption}</figcaption></figure>`
}

/** Most bytes of images among the mistakes of a page. */
const BYTES = 4e6

/**
 * Images that a network got wrong, with what it said.
 *
 * @param data where they are from; their files by default
 */
export async function mistakenPictures(worst: readonly PictureResult[], data: Dataset | undefined): Promise<string> {
  const figures: string[] = []
  let bytes = 0
  for (const result of worst) {
    const jpeg = bytes < BYTES ? await jpegOf(result, data) : undefined
    bytes += jpeg?.length ?? 0
    figures.push(mistaken({ ...result, file: within(result.file, data?.source) }, jpeg))
  }
  return `<div class="mistakes">\n${figures.join('\n')}\n</div>`
}

/** A file's path within what it is from. */
function within(file: string, source: string | undefined): string {
  return source !== undefined && file.startsWith(source) ? file.slice(source.length).replace(/^[/\\]+/, '') : file
}

function mistaken(result: PictureResult, jpeg: Uint8Array | undefined): string {
  const { file, label, said, probability, labelProbability } = result
  const picture = jpeg ? image(jpeg, label) : '<div class="none">not shown</div>'
  // A number and its sign stay on one line.
  const [likely, own] = [probability, labelProbability].map(value => percent(value, 1).replace(' ', '&nbsp;'))
  const answer = `said <span class="verdict">${escaped(said)} ${likely}</span>`
  const truth = `is ${escaped(label)} ${own}`
  return `<figure class="wrong">${picture}<figcaption>${answer}<br>${truth}<br><small>${escaped(file)}</small></figcaption></figure>`
}

/** A small file of an image; none if it is not there any more. */
async function jpegOf({ file, index }: PictureResult, data: Dataset | undefined): Promise<Uint8Array | undefined> {
  try {
    return await smallJpeg(await coefficientsOf(file, index, data))
  } catch (error) {
    if (error instanceof ModelError) return undefined
    throw error
  }
}

async function coefficientsOf(file: string, index: number, data: Dataset | undefined): Promise<JpegCoefficients> {
  return data ? data.coefficients(index) : jpegCoefficients(file, { onError: 'use' })
}

function image(jpeg: Uint8Array, alt: string): string {
  return `<img src="data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}" alt="${escaped(alt)}">`
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
