/** One image, explained: a page that shows what its coefficients are and what a network computes for them. */
import { readFile } from 'node:fs/promises'
import * as z from 'zod'
import { PAGE_SCRIPT } from '#page-script'
import { inspectJpeg } from '../data/inspect.js'
import { readShape, type JpegReadOptions } from '../data/reading.js'
import { modeOf, MODE_KEYS, MODES } from '../model/approximations.js'
import { named, pictureSchema, type Picture, type Prediction } from '../model/predict.js'
import { aFunction, checked } from '../options.js'
import { transformsSchema, type Transform } from '../transforms/transform.js'
import { pageData } from './data.js'
import { explanationPage } from './page.js'
import { checkedModel, type Model } from '../model/model.js'

/** Options of {@link explainPicture}. */
export interface ExplainOptions extends JpegReadOptions {
  /** What is done to the image before the network sees it; the model's definition's by default. */
  transform?: readonly Transform[] | undefined
  /** Called before every pass of the image through the network, and after the last; there are as many as layers, and 45 more. */
  onProgress?: ((progress: ExplainProgress) => void) | undefined
}

/** How far an explanation has come. */
export interface ExplainProgress {
  type: 'explain'
  /** Passes through the network that are made. */
  done: number
  /** Passes in all. */
  total: number
}

const optionsSchema = z.strictObject({
  transform: transformsSchema.optional(),
  onProgress: aFunction<(progress: ExplainProgress) => void>().optional(),
  ...readShape,
}) satisfies z.ZodType<ExplainOptions>

/** All frequencies, α + β = 0…14. */
const ALL = 15

/**
 * A self-contained interactive page about one image: its coefficients block by block and what φ keeps of them, the masks of ReLUs
 * and their error, the features layer by layer, and the answer, also in fewer frequencies.
 *
 * @param picture a path, or the bytes of a file with or without a name
 * @throws ModelError as {@link Model.predict}
 */
export async function explainPicture(model: Model, picture: Picture, options: ExplainOptions = {}): Promise<string> {
  checkedModel(model, 'explainPicture.model')
  const given = checked(optionsSchema, options, 'explainPicture')
  const { onProgress, ...seen } = given
  const { transform, ...read } = seen
  const { name, jpeg, error } = await named(checked(pictureSchema, picture, 'explainPicture.picture'), 0)
  if (error) throw error
  const file = jpeg ?? name
  // What can be read once is read again and again here.
  const again = jpeg ? { name, jpeg } : name
  // First of all, because it says best what is wrong with a file.
  const inspected = await inspectJpeg(file, read)
  const [prediction] = (await model.predict(again, seen)) as [Prediction]
  let done = 0
  // The input beside the layers, and every way to compute at every number of frequencies.
  const total = model.nodes.length + 1 + MODE_KEYS.length * ALL
  const pass = () => onProgress?.({ type: 'explain', done: done++, total })
  const data = await pageData(model, { picture: again, file, seen }, pass)
  const bytes = jpeg ?? (await readFile(name))
  return explanationPage({
    name,
    bytes,
    inspected,
    prediction,
    model,
    data,
    chart: await answersChart(model, again, seen, { prediction, pass }),
    script: PAGE_SCRIPT,
  })
}

/** Probability of the class that the network says, against φ, in every way to compute in fewer frequencies. */
async function answersChart(
  model: Model,
  picture: Picture,
  options: Omit<ExplainOptions, 'onProgress'>,
  { prediction, pass }: { prediction: Prediction; pass: () => void },
) {
  const label = prediction.classes[0]?.label
  const curves = []
  let same = 1
  for (const key of MODE_KEYS) {
    const points = []
    for (let frequencies = 1; frequencies <= ALL; frequencies++) {
      pass()
      const [answer] = await model.predict(picture, { ...options, ...modeOf(key, frequencies) })
      const probability = answer?.classes.find(({ label: other }) => other === label)?.probability ?? 0
      if (answer?.classes[0]?.label !== label) same = Math.max(same, frequencies + 1)
      points.push({ x: frequencies, y: 100 * probability })
    }
    curves.push({ name: MODES[key], points })
  }
  pass()
  // Drawing is a large part of the package that most programs never use.
  const { linesChart } = await import('../report/charts.js')
  const svg = linesChart('probability of the answer against φ', { x: 'φ', y: 'probability, %' }, curves)
  return { svg, same: Math.min(same, ALL) }
}
