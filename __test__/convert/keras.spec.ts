/** Keras models give the answers here that TensorFlow.js gives on the same pixels, or are refused by the layer that cannot be. */
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { convertModel, loadModel, type Conversion, type Preprocessing } from '../../src-ts/index.js'
import { floatPictures, inSequence, randomise, saveKeras, tf, tfl, type KerasFiles } from '../fixtures/keras.js'
import { failsWith } from '../fixtures/modelError.js'
import { fixture, jpegPaths, temporaryFolder } from '../fixtures/pictures.js'

await tf.setBackend('cpu')
const { layers } = tfl
type Symbolic = tfl.SymbolicTensor

const apply = (layer: tfl.layers.Layer, ...inputs: Symbolic[]) =>
  layer.apply(inputs.length === 1 ? (inputs[0] as Symbolic) : inputs) as Symbolic

/** A filter, its normalisation and ReLU, as Keras's ResNets have them: with biases, and ε of 1e-3. */
function convolved(x: Symbolic, filters: number, kernelSize: number, strides: number, options: object = {}): Symbolic {
  const conv = layers.conv2d({ filters, kernelSize, strides, padding: 'same', ...options })
  return apply(layers.batchNormalization({ epsilon: 1e-3 }), apply(conv, x))
}

const rectified = (x: Symbolic) => apply(layers.activation({ activation: 'relu' }), x)

/** Keras's ResNet-50 in small: explicit padding, strides on the first 1×1 filters, projections, a softmax in the last layer. */
function explicitlyPadded(): tfl.LayersModel {
  const input = tfl.input({ shape: [32, 32, 3] })
  let x = apply(layers.zeroPadding2d({ padding: [3, 3] as [number, number] }), input)
  x = rectified(convolved(x, 8, 7, 2, { padding: 'valid' }))
  x = apply(layers.zeroPadding2d({ padding: [1, 1] as [number, number] }), x)
  x = apply(layers.maxPooling2d({ poolSize: 3, strides: 2 }), x)
  for (const [filters, strides, project] of [
    [4, 1, true],
    [4, 1, false],
    [6, 2, true],
  ] as const) {
    let body = rectified(convolved(x, filters, 1, strides, { padding: 'valid' }))
    body = rectified(convolved(body, filters, 3, 1))
    body = convolved(body, 4 * filters, 1, 1)
    const shortcut = project ? convolved(x, 4 * filters, 1, strides, { padding: 'valid' }) : x
    x = rectified(apply(layers.add(), body, shortcut))
  }
  x = apply(layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }), x)
  return tfl.model({ inputs: input, outputs: apply(layers.dense({ units: 5, activation: 'softmax' }), x) })
}

/** Paddings of TensorFlow's own, one pixel more after than before; ReLU6 and leaky ReLU; no biases; an average of the whole map. */
function paddedAsTensorFlowDoes(): tfl.LayersModel {
  const input = tfl.input({ shape: [32, 32, 3] })
  let x = convolved(input, 6, 5, 2, { useBias: false })
  x = apply(layers.reLU({ maxValue: 6 }), x)
  x = apply(layers.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' }), x)
  const body = convolved(apply(layers.leakyReLU({ alpha: 0.2 }), convolved(x, 9, 3, 2, { useBias: false })), 9, 3, 1)
  x = rectified(apply(layers.add(), body, convolved(x, 9, 1, 2)))
  x = apply(layers.dropout({ rate: 0.5 }), x)
  x = apply(layers.averagePooling2d({ poolSize: 4, strides: 1 }), x)
  x = apply(layers.flatten(), x)
  return tfl.model({ inputs: input, outputs: apply(layers.dense({ units: 4, useBias: false }), x) })
}

/** A sum within a branch of another, and one of three terms. */
function nested(): tfl.LayersModel {
  const input = tfl.input({ shape: [32, 32, 3] })
  const x = rectified(convolved(input, 5, 3, 2))
  const inner = rectified(apply(layers.add(), convolved(x, 5, 3, 1), x))
  const sum = apply(layers.add(), convolved(inner, 5, 3, 1), convolved(x, 5, 1, 1), x)
  const pooled = apply(layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }), rectified(sum))
  return tfl.model({ inputs: input, outputs: apply(layers.dense({ units: 3 }), pooled) })
}

/** Means of windows: without padding, with TensorFlow's own, which does not count, and behind zeros of a layer, which do. */
function averaged(): tfl.LayersModel {
  const input = tfl.input({ shape: [32, 32, 3] })
  let x = apply(layers.averagePooling2d({ poolSize: 2, strides: 2 }), rectified(convolved(input, 6, 3, 1)))
  x = apply(layers.averagePooling2d({ poolSize: 3, strides: 1, padding: 'same' }), rectified(convolved(x, 7, 3, 1)))
  x = apply(layers.zeroPadding2d({ padding: [1, 1] as [number, number] }), x)
  x = apply(layers.averagePooling2d({ poolSize: 3, strides: 2 }), x)
  x = apply(layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }), x)
  return tfl.model({ inputs: input, outputs: apply(layers.dense({ units: 3 }), x) })
}

const MEAN = [103.939, 116.779, 123.68]

/** Pictures as a Keras program prepares them. */
const PREPARED: Record<Preprocessing, (rgb: tf.Tensor4D) => tf.Tensor> = {
  caffe: rgb => tf.sub(tf.reverse(rgb, 3), tf.tensor1d(MEAN)),
  tf: rgb => tf.sub(tf.div(rgb, 127.5), 1),
  torch: rgb =>
    tf.div(tf.sub(tf.div(rgb, 255), tf.tensor1d([0.485, 0.456, 0.406])), tf.tensor1d([0.229, 0.224, 0.225])),
  none: rgb => rgb,
}

async function answersAre(
  t: ExecutionContext,
  make: () => tfl.LayersModel,
  preprocessing: Preprocessing,
  checks: (conversion: Conversion) => void = () => {},
): Promise<void> {
  const keras = make()
  randomise(keras, ['caffe', 'none'].includes(preprocessing) ? 64 : 1)
  const { path } = await saveKeras(await temporaryFolder(t), keras)
  const prepared = PREPARED[preprocessing](await floatPictures())
  const expected = (await (keras.predict(prepared) as tf.Tensor).array()) as number[][]
  const conversion = await convertModel(path, { preprocessing })
  using model = conversion.model
  const endsInSoftmax = expected.every(row => Math.abs(row.reduce((sum, value) => sum + value) - 1) < 1e-5)
  const predictions = await model.predict(jpegPaths)
  const found = predictions.map(({ logits, classes }) => {
    if (!endsInSoftmax) return logits
    const byLabel = new Map(classes.map(({ label, probability }) => [label, probability]))
    return logits.map((_, index) => byLabel.get(String(index)) ?? NaN)
  })
  const scale = Math.max(...expected.flat().map(Math.abs))
  const apart = Math.max(
    ...found.flatMap((row, at) => row.map((value, k) => Math.abs(value - (expected[at]?.[k] ?? NaN)))),
  )
  t.true(apart < 2e-5 * scale, `${apart} apart, of ${scale}`)
  const [first = []] = expected
  const spread = Math.max(...expected.flatMap(row => row.map((value, k) => Math.abs(value - (first[k] ?? NaN)))))
  t.true(spread > 1e-2 * scale, `pictures differ by ${spread}`)
  t.is(conversion.report.missing.length + conversion.report.unused.length, 0)
  checks(conversion)
}

for (const preprocessing of ['caffe', 'tf', 'torch', 'none'] as const) {
  test(
    `a residual network padded explicitly answers as in TensorFlow.js, prepared by ${preprocessing}`,
    answersAre,
    explicitlyPadded,
    preprocessing,
  )
}
test(
  'paddings of TensorFlow’s own, with one pixel more after than before, are kept',
  answersAre,
  paddedAsTensorFlowDoes,
  'torch',
)
test('sums within sums, and of three terms, are kept', answersAre, nested, 'torch')
test('means of windows do', answersAre, averaged, 'torch')
test('a sequential model answers as in TensorFlow.js', answersAre, inSequence, 'tf')

/** What meets a picture before its channels are mixed, and how they are mixed then. */
const FIRST: Record<string, (input: Symbolic) => Symbolic> = {
  'batch norm, then a filter that sees its padding': x => convolved(apply(layers.batchNormalization(), x), 4, 3, 1),
  'explicit padding, whose zeros are the mean': x =>
    convolved(apply(layers.zeroPadding2d({ padding: [1, 1] as [number, number] }), x), 4, 3, 2, { padding: 'valid' }),
  'two filters': x => apply(layers.add(), convolved(x, 4, 3, 1), convolved(x, 4, 1, 1)),
  'batch norm, ReLU and pooling, then two filters': x => {
    const rectifiedFirst = rectified(apply(layers.batchNormalization(), x))
    const pooled = apply(layers.maxPooling2d({ poolSize: 2, strides: 2 }), rectifiedFirst)
    return apply(layers.add(), convolved(pooled, 4, 3, 1), convolved(pooled, 4, 5, 1))
  },
  'a sum of the picture and a filter of it': x => {
    const sum = apply(layers.add(), apply(layers.batchNormalization(), x), convolved(x, 3, 3, 1))
    return convolved(rectified(sum), 4, 3, 2)
  },
  'sums of sums of the picture': x => {
    const normalised = apply(layers.batchNormalization(), x)
    const first = apply(layers.add(), normalised, convolved(normalised, 3, 3, 1))
    return convolved(apply(layers.add(), first, convolved(first, 3, 1, 1), convolved(first, 3, 3, 1)), 4, 3, 2)
  },
  'an average, then the head': x => apply(layers.batchNormalization(), x),
}

for (const [name, first] of Object.entries(FIRST)) {
  const make = (head: boolean) => () => {
    const input = tfl.input({ shape: [32, 32, 3] })
    const pooled = apply(layers.globalAveragePooling2d({ dataFormat: 'channelsLast' }), first(input))
    return tfl.model({ inputs: input, outputs: head ? apply(layers.dense({ units: 3 }), pooled) : pooled })
  }
  test(`blue comes first for ${name}`, answersAre, make(true), 'caffe')
  if (name === 'an average, then the head')
    test('blue comes first for an average alone', answersAre, make(false), 'caffe')
}

test('a batch norm of the picture, in a file of TensorFlow.js, gives its answers', async t => {
  const folder = fixture('keras-bn-first-caffe')
  const { model } = await convertModel(join(folder, 'model.json'), { preprocessing: 'caffe' })
  const [prediction] = await model.predict(join(folder, 'x.jpg'))
  const expected = [13.94, -1.23, -3.65]
  prediction?.logits.forEach((logit, at) => t.true(Math.abs(logit - (expected[at] as number)) < 0.01, `${logit}`))
  model.dispose()
})

test('a converted model is saved, loaded and trained as any other', async t => {
  const folder = await temporaryFolder(t)
  const keras = explicitlyPadded()
  randomise(keras)
  const { path } = await saveKeras(folder, keras)
  const labels = ['a', 'b', 'c', 'd', 'e']
  const { model, network, leftOut } = await convertModel(path, { preprocessing: 'caffe', labels })
  t.is(network, 'model')
  t.deepEqual(leftOut, [])
  const file = join(folder, 'a.model')
  await model.save(file)
  using again = await loadModel(file)
  t.deepEqual(again.labels, labels)
  const [before, after] = [await model.predict(jpegPaths), await again.predict(jpegPaths)]
  t.deepEqual(
    after.map(({ logits }) => logits),
    before.map(({ logits }) => logits),
  )
  model.dispose()
})

test('the tensors of Keras 3 and the names of Keras 2 say the same graph', async t => {
  const keras = nested()
  randomise(keras)
  const { path, json } = await saveKeras(await temporaryFolder(t), keras)
  const before = await convertModel(path, { preprocessing: 'torch' })
  type Layer = { inbound_nodes: unknown[][][]; config: Record<string, unknown>; class_name: string }
  const copy = structuredClone(json) as unknown as { modelTopology: { config: { layers: Layer[] } } }
  for (const layer of copy.modelTopology.config.layers) {
    const tensors = layer.inbound_nodes.flat().map(([name, node, tensor]) => ({
      class_name: '__keras_tensor__',
      config: { shape: [null, 1], dtype: 'float32', keras_history: [name, node, tensor] },
    }))
    const args = tensors.length > 1 ? [tensors] : tensors
    Object.assign(layer, { inbound_nodes: tensors.length === 0 ? [] : [{ args, kwargs: {} }] })
    const { batch_input_shape: shape } = layer.config
    if (layer.class_name === 'InputLayer') layer.config = { name: layer.config['name'], batch_shape: shape }
  }
  await writeFile(path, JSON.stringify(copy))
  const after = await convertModel(path, { preprocessing: 'torch' })
  t.deepEqual(after.model.definition, before.model.definition)
  t.deepEqual(await after.model.parameters(), await before.model.parameters())
  after.model.dispose()
  before.model.dispose()
})

test('weights stored in fewer bits are read as they say', async t => {
  const keras = inSequence()
  randomise(keras)
  const { path, json } = await saveKeras(await temporaryFolder(t), keras, 1)
  const [group] = json.weightsManifest as [{ paths: [string]; weights: { name: string; shape: number[] }[] }]
  const floats = new Float32Array((await readFile(join(path, '..', group.paths[0]))).buffer.slice(0))
  // A byte each, from −2 in steps of 1/64.
  const steps = { dtype: 'uint8', scale: 1 / 64, min: -2 }
  const bytes = Uint8Array.from(floats, value => Math.max(0, Math.min(255, Math.round((value + 2) * 64))))
  await writeFile(join(path, '..', group.paths[0]), bytes)
  for (const weight of group.weights) Object.assign(weight, { quantization: steps })
  await writeFile(path, JSON.stringify(json))
  const { model } = await convertModel(path, { preprocessing: 'tf' })
  const tensors = await model.parameters()
  const [first] = group.weights
  const stored = Array.from(bytes.subarray(0, 27 * 4), byte => byte / 64 - 2)
  const kernel = tensors.find(({ name }) => name === `${first?.name.replace('/kernel', '')}.weight`)
  t.deepEqual(kernel?.shape, [4, 3, 3, 3])
  t.deepEqual([...(kernel?.values ?? [])].toSorted(), stored.toSorted())
  model.dispose()
})

/** Changes the configuration of the first layer of a kind. */
async function changed(
  { path, json }: KerasFiles,
  className: string,
  config: object,
  kind = className,
): Promise<string> {
  const text = JSON.stringify(json)
  const copy = JSON.parse(text) as typeof json
  const visit = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return false
    const layer = value as { class_name?: string; config?: object }
    if (layer.class_name === className && layer.config) {
      layer.class_name = kind
      Object.assign(layer.config, config)
      return true
    }
    return Object.values(value).some(visit)
  }
  visit(copy.modelTopology)
  const out = path.replace('model.json', 'changed.json')
  await writeFile(out, JSON.stringify(copy))
  return out
}

test('what no network here has is refused by the layer', async t => {
  const keras = explicitlyPadded()
  const files = await saveKeras(await temporaryFolder(t), keras)
  const cases: [string, object, string, string?][] = [
    ['Conv2D', {}, 'a layer of a residual network (', 'DepthwiseConv2D'],
    ['Conv2D', { dilation_rate: [2, 2] }, 'dilation_rate: expected 1, found'],
    ['Conv2D', { kernel_size: [7, 5] }, 'kernel_size: expected one number for both directions, found'],
    ['Conv2D', { data_format: 'channels_first' }, 'data_format: expected channels_last'],
    ['Conv2D', { kernel_size: [5, 5] }, 'kernel: expected the shape [5, 5, 3, …], found [7, 7, 3, 8]'],
    ['Activation', { activation: 'swish' }, 'activation: expected linear, relu, relu6 or softmax, found "swish"'],
    ['BatchNormalization', { axis: 1 }, 'axis: expected 3, the channels, found 1'],
    ['Dense', { activation: 'tanh' }, 'activation: expected linear'],
    [
      'ZeroPadding2D',
      {
        padding: [
          [1, 2],
          [3, 4],
        ],
      },
      'the same padding in both directions',
    ],
  ]
  for (const [className, config, message, kind] of cases) {
    const path = await changed(files, className, config, kind)
    await failsWith(t, () => convertModel(path, { preprocessing: 'caffe' }), { code: 'INVALID_WEIGHTS', message })
  }
})

test('files that are cut, missing or of another format are refused before memory is taken for them', async t => {
  const keras = inSequence()
  const { path, json } = await saveKeras(await temporaryFolder(t), keras)
  const refused = (code: 'INVALID_WEIGHTS' | 'FILE_NOT_FOUND', message: string) =>
    failsWith(t, () => convertModel(path, { preprocessing: 'tf' }), { code, message })
  const shard = join(path, '..', 'group1-shard2of2.bin')
  const { length } = await readFile(shard)
  await truncate(shard, length - 3)
  await refused('INVALID_WEIGHTS', 'bytes together, as its tensors say, found')
  await rm(shard)
  await refused('FILE_NOT_FOUND', 'group1-shard2of2.bin: expected a file of the weights')
  const huge = structuredClone(json) as { weightsManifest: { weights: { shape: number[] }[] }[] }
  for (const weight of huge.weightsManifest[0]?.weights ?? []) weight.shape = [1_000_000, 1_000_000]
  await writeFile(path, JSON.stringify(huge))
  await writeFile(shard, 'few')
  await refused('INVALID_WEIGHTS', 'bytes together, as its tensors say, found')
  const elsewhere = structuredClone(json)
  if (elsewhere.weightsManifest[0]) elsewhere.weightsManifest[0].paths = ['../../etc/passwd']
  await writeFile(path, JSON.stringify(elsewhere))
  await refused('INVALID_WEIGHTS', 'files beside it or below, found ../../etc/passwd')
  await writeFile(path, JSON.stringify({ ...json, format: 'graph-model' }))
  await refused('INVALID_WEIGHTS', 'a layers model of TensorFlow.js, found one of the format graph-model')
  await writeFile(path, '{ "a": 1 }')
  await refused('INVALID_WEIGHTS', 'model.json.modelTopology: expected the layers of a Keras model, found nothing')
  await writeFile(path, '{ "cut": ')
  await refused('INVALID_WEIGHTS', 'expected JSON, found')
})

test('how pictures are prepared must be said, because no file of the model says it', async t => {
  const { path } = await saveKeras(await temporaryFolder(t), inSequence())
  await failsWith(t, () => convertModel(path), {
    code: 'INVALID_OPTION',
    path: 'convertModel.preprocessing',
    message: "expected 'caffe' (Keras's ResNets), 'tf' (its ResNets v2), 'torch' or 'none'",
  })
  await failsWith(t, () => convertModel(path, { preprocessing: 'tf', network: 'resnet50' }), { code: 'INVALID_OPTION' })
  await failsWith(t, () => convertModel(path, { preprocessing: 'tf', mean: [0, 0, 0] }), { code: 'INVALID_OPTION' })
  await failsWith(t, () => convertModel(path, { preprocessing: 'tf', labels: ['a'] }), { code: 'LABELS_MISMATCH' })
})
