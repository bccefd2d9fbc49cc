/** A trained model as a network on pixels that other runtimes run. */
import * as z from 'zod'
import type { ModelDefinition } from '../../model/definition.js'
import { lowerModel } from '../../model/graph.js'
import { withMode } from '../../model/mode.js'
import { writeWhole } from '../../files.js'
import { lift, runtimeInfo } from '../../native/addon.js'
import { checked } from '../../options.js'
import { onnxFile } from './twin.js'
import { checkedModel, type Model } from '../../model/model.js'

/** Options of {@link exportOnnx}. */
export interface OnnxOptions {
  /** Where to write the file; its bytes alone are given unless this is. */
  file?: string | undefined
  /**
   * What the network is to be given, `[N, channels, height, width]`: red, green and blue normalised by the model's mean and deviation,
   * `normalised` by default; or in 0…255, `pixels`, for which the normalisation goes into the file.
   */
  input?: 'normalised' | 'pixels' | undefined
  /** `exact`: the exact network of the model's weights, where the model's own mode is another, which no network on pixels has. */
  mode?: 'exact' | undefined
}

const optionsSchema = z.strictObject({
  file: z.string().min(1).optional(),
  input: z.enum(['normalised', 'pixels']).optional(),
  mode: z.literal('exact').optional(),
}) satisfies z.ZodType<OnnxOptions>

/**
 * The model's spatial twin as an ONNX file (operator set 17): one input `pixels`, any number of images of the model's size, and one
 * output `logits`, which are the model's on the same pixels in float32. Its metadata has the mean, the deviation and the labels.
 *
 * @throws ModelError `INVALID_OPTION`, also for a model in another mode than the exact one; `WRITE_FAILED`, which leaves an old file as
 *   it was; `DISPOSED`
 */
export async function exportOnnx(model: Model, options: OnnxOptions = {}): Promise<Uint8Array> {
  checkedModel(model, 'exportOnnx.model')
  const { file, input = 'normalised', mode } = checked(optionsSchema, options, 'exportOnnx')
  const definition: ModelDefinition = mode === undefined ? model.definition : withMode(model.definition, { mode })
  const { mean, std, channels } = definition.input
  const metadata = {
    'jpegnet.name': definition.name,
    'jpegnet.input': input === 'pixels' ? '0…255' : 'normalised by mean and std of 0…1',
    'jpegnet.channels': channels === 1 ? 'luma' : 'red, green, blue',
    'jpegnet.mean': JSON.stringify(mean),
    'jpegnet.std': JSON.stringify(std),
    ...(model.labels && { 'jpegnet.labels': JSON.stringify(model.labels) }),
  }
  const { version } = lift(runtimeInfo())
  const bytes = await onnxFile(lowerModel(definition), await model.parameters(), { input, metadata, version })
  if (file !== undefined) await writeWhole(file, bytes)
  return bytes
}
