/** ONNX files of trained models give the models' answers in onnxruntime, on the same pixels. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import {
  add,
  averagePool,
  batchNorm,
  cifarResnet,
  conv2d,
  createModel,
  defineModel,
  exportOnnx,
  globalAveragePool,
  hardTanh,
  jpegImages,
  leakyRelu,
  linear,
  maxPool,
  paperResnet,
  readSafetensors,
  relu,
  relu6,
  resnet,
  sequential,
  subsample,
  type Model,
  type ModelDefinition,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { fixture, jpegs, temporaryFolder, tenImages } from '../fixtures/pictures.js'
import { jpegnet } from '../cli/command.js'

/** Float red, green and blue of the ten pictures, normalised by these. */
async function reference() {
  const { tensors, metadata } = await readSafetensors(fixture('reference/paper_resnet_io.safetensors'))
  const [mean, std] = ['mean', 'std'].map(key =>
    (JSON.parse(metadata[key] ?? '') as number[]).map(value => value / 255),
  )
  const values = tensors.find(({ name }) => name === 'input_rgb_normalised')?.values
  if (!values || !mean || !std) throw new Error('the reference has pictures, mean and std')
  return { values, mean, std }
}
const { values: normalised, mean, std } = await reference()
const pixels = normalised.map((value, at) => {
  const channel = Math.floor(at / 1024) % 3
  return 255 * (value * (std[channel] as number) + (mean[channel] as number))
})

/** A trained network: its normalisations have seen data. */
async function trained(definition: ModelDefinition): Promise<Model> {
  const model = createModel(definition, { seed: 3 })
  await model.fit(jpegImages(tenImages), { epochs: 2, batchSize: 5, seed: 1 })
  return model
}

async function onnxLogits(bytes: Uint8Array, input: Float32Array, options?: InferenceSession.SessionOptions) {
  const session = await InferenceSession.create(bytes, options)
  const { logits } = await session.run({ pixels: new Tensor('float32', input, [10, 3, 32, 32]) })
  return logits as Tensor
}

async function answersAre(t: ExecutionContext, definition: ModelDefinition): Promise<void> {
  using model = await trained(definition)
  const expected = (await model.predict(jpegs)).flatMap(({ logits }) => logits)
  const spread = Math.max(...expected.map((value, at) => Math.abs(value - (expected[at % 10] ?? NaN))))
  t.true(spread > 1e-2, 'pictures differ')
  for (const input of ['normalised', 'pixels'] as const) {
    const bytes = await exportOnnx(model, { input })
    for (const graphOptimizationLevel of ['all', 'disabled'] as const) {
      const given = input === 'pixels' ? pixels : normalised
      const { data, dims } = await onnxLogits(bytes, given, { graphOptimizationLevel })
      t.deepEqual([...dims], [10, 10])
      const apart = Math.max(...expected.map((value, at) => Math.abs(value - Number(data[at]))))
      // float32's rounding, summed in another order.
      t.true(apart < 2e-4 * Math.max(1, spread), `${input}, ${graphOptimizationLevel}: ${apart} apart of ${spread}`)
    }
  }
}

const layered = defineModel({
  name: 'every layer',
  input: { channels: 3, height: 32, width: 32, mean, std },
  layers: sequential({
    conv: conv2d({ channels: 6, size: 5, stride: 2, bias: true }),
    norm: batchNorm({ epsilon: 1e-3 }),
    leaky: leakyRelu({ slope: 0.1 }),
    pool: maxPool({ size: 3, stride: 2, ceilMode: true }),
    block: add({
      branches: [
        { conv: conv2d({ channels: 9, stride: 2 }), six: relu6() },
        { shrink: subsample({ channels: 9 }) },
        { other: conv2d({ channels: 9, size: 1, stride: 2, bias: true }), tanh: hardTanh() },
      ],
      then: { relu: relu() },
    }),
    average: averagePool({ size: 3, stride: 1, padding: 1, countPadding: false }),
    counted: averagePool({ size: 2, stride: 1, padding: 1 }),
    mean: globalAveragePool(),
    head: linear({ features: 10, bias: false }),
  }),
})

test('the paper’s network answers in onnxruntime as here', answersAre, paperResnet({ mean, std }))
test('a network with subsampled shortcuts answers in onnxruntime as here', answersAre, cifarResnet(20, { mean, std }))
test('one with projected shortcuts does', answersAre, cifarResnet(20, { shortcut: 'B', mean, std }))
test(
  'one of bottlenecks behind max pooling does',
  answersAre,
  resnet({
    mean,
    std,
    block: 'bottleneck',
    stem: { channels: 8, size: 7, stride: 2, maxPool: { size: 3, stride: 2, padding: 1 } },
    stages: [
      { blocks: 2, channels: 4 },
      { blocks: 1, channels: 6 },
    ],
  }),
)
test('every layer there is does', answersAre, layered)

test('a file takes any number of pictures, and says how they are to be prepared', async t => {
  const labels = Array.from({ length: 10 }, (_, index) => `class ${index}`)
  using model = createModel(paperResnet({ mean, std }), { labels })
  const file = join(await temporaryFolder(t), 'a.onnx')
  const bytes = await exportOnnx(model, { file })
  t.deepEqual(new Uint8Array(await readFile(file)), bytes)
  const session = await InferenceSession.create(file)
  for (const count of [1, 3]) {
    const input = new Tensor('float32', normalised.subarray(0, count * 3072), [count, 3, 32, 32])
    t.deepEqual((await session.run({ pixels: input }))['logits']?.dims as number[], [count, 10])
  }
  const text = Buffer.from(bytes).toString('latin1')
  for (const part of [JSON.stringify(labels), JSON.stringify(mean), 'jpegnet.std', 'red, green, blue']) {
    t.true(text.includes(part), part)
  }
})

test('a model that no network on pixels equals is exported as the exact one only if that is said', async t => {
  const banded = cifarResnet(20, { mode: 'band-limited', frequencies: 8, mean, std })
  using model = createModel(banded)
  const approximated = createModel(cifarResnet(20, { frequencies: 6 }))
  const expected = { code: 'INVALID_OPTION', path: 'exportOnnx.mode' } as const
  await failsWith(t, () => exportOnnx(model), { ...expected, found: 'a band of 8' })
  await failsWith(t, () => exportOnnx(approximated), { ...expected, found: 'masked by ASM' })
  const logits = (await model.predict(jpegs, { mode: 'exact' })).flatMap(prediction => prediction.logits)
  const { data } = await onnxLogits(await exportOnnx(model, { mode: 'exact' }), normalised)
  t.true(Math.max(...logits.map((value, at) => Math.abs(value - Number(data[at])))) < 1e-4)
})

test('the command writes it, and an old file stays where it cannot', async t => {
  const folder = await temporaryFolder(t)
  const [saved, out] = [join(folder, 'a.model'), join(folder, 'a.onnx')]
  using model = createModel(paperResnet({ mean, std }))
  await model.save(saved)
  const { code, json, stderr } = await jpegnet(['export', saved, '--out', out, '--input', 'pixels', '--json'])
  t.is(code, 0, stderr)
  const bytes = await exportOnnx(model, { input: 'pixels' })
  t.like(json[0], { out, bytes: bytes.length, parameters: model.parameterCount })
  t.deepEqual(new Uint8Array(await readFile(out)), bytes)
  await writeFile(out, 'old')
  const cases: [string[], RegExp][] = [
    [['--out', join(folder, 'a.pb')], /--out: expected a name ending in \.safetensors or \.onnx, found .*a\.pb/],
    [['--out', join(out, 'a.onnx')], /expected a file that can be written, found that .*a\.onnx is no folder/],
    [['--out', join(folder, 'a.safetensors'), '--input', 'pixels'], /--input: expected nothing beside weights/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await jpegnet(['export', saved, ...args])
    t.is(code, 1)
    t.regex(stderr, message)
  }
  t.is(await readFile(out, 'utf8'), 'old')
})
