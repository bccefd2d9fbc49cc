import test from 'ava'
import {
  batchNorm,
  conv2d,
  createModel,
  defineModel,
  globalAveragePool,
  jpegImages,
  linear,
  loadDataset,
  paperResnet,
  relu,
  residual,
  resnet,
  sequential,
  subsample,
  type Layer,
} from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { jpegs, tenImages } from '../fixtures/pictures.js'

const small = resnet({ stages: [{ blocks: 1, channels: 4 }] })

function create(layers: Layer, size = 16) {
  return createModel(defineModel({ name: 'test', input: { channels: 3, height: size, width: size }, layers }))
}

const refuses = test.macro(async (t, make: () => unknown, expected: Expected) => {
  await failsWith(t, make, expected)
})

const head = { pool: globalAveragePool(), fc: linear({ features: 2 }) }
test(
  'channels that do not agree are refused by the path of their layer',
  refuses,
  () => create(sequential({ layer2: sequential([sequential({ conv1: conv2d({ channels: 8, inputChannels: 64 }) })]) })),
  { code: 'SHAPE_MISMATCH', path: 'layer2.0.conv1', expected: '64', found: '3' },
)
test(
  'branches of different shapes are refused by the path of their sum',
  refuses,
  () =>
    create(
      sequential({
        block: residual({ body: { conv: conv2d({ channels: 8 }) }, activation: { relu: relu() } }),
        ...head,
      }),
    ),
  { code: 'SHAPE_MISMATCH', path: 'block.add', found: '3' },
)
test(
  'features that do not agree are refused',
  refuses,
  () => create(sequential({ pool: globalAveragePool(), fc: linear({ features: 2, inputFeatures: 64 }) })),
  { code: 'SHAPE_MISMATCH', path: 'fc', expected: '64', found: '3' },
)
test('a linear layer on a picture is refused', refuses, () => create(sequential({ fc: linear({ features: 2 }) })), {
  code: 'SHAPE_MISMATCH',
  path: 'fc',
})
test('a network without logits is refused', refuses, () => create(sequential({ conv: conv2d({ channels: 8 }) })), {
  code: 'SHAPE_MISMATCH',
  path: 'conv',
})
test(
  'a filter that is larger than its padded map is refused',
  refuses,
  () => create(sequential({ conv: conv2d({ channels: 8, size: 7, padding: 1 }), ...head }), 4),
  { code: 'SHAPE_MISMATCH', path: 'conv', expected: 'at least 7×7 pixels', found: '4×4 pixels' },
)
test(
  'channels cannot be subsampled away',
  refuses,
  () => create(sequential({ conv: conv2d({ channels: 8 }), shortcut: subsample({ channels: 4 }), ...head })),
  { code: 'INVALID_DEFINITION', path: 'shortcut', expected: 'from 8', found: '4' },
)
test('a negative seed is refused', refuses, () => createModel(small, { seed: -1 }), {
  code: 'INVALID_OPTION',
  path: 'createModel.seed',
})
test('what is no definition is refused', refuses, () => createModel({} as never), {
  code: 'INVALID_OPTION',
  path: 'definition.name',
})
test('labels of another number than classes are refused', refuses, () => createModel(small, { labels: ['a', 'b'] }), {
  code: 'LABELS_MISMATCH',
  expected: '10 names',
  found: '2',
})
test('a label twice is refused', refuses, () => createModel(small, { labels: [...'abcdefghia'] }), {
  code: 'LABELS_MISMATCH',
  found: 'a twice',
})

test('a summary shows path, operation, shape, parameters, coefficients and how each layer is computed', t => {
  const layers = sequential({
    conv1: conv2d({ channels: 4 }),
    bn1: batchNorm(),
    relu: relu({ masking: 'asm', frequencies: 3 }),
    conv2: conv2d({ channels: 8, stride: 2, factorisation: 'exploded' }),
    ...head,
  })
  const lines = create(layers).summary().split('\n')
  t.is(lines[0], 'test: input 3×16×16, 422 parameters, approximated by ASM from 3 frequencies')
  const row = (path: string) => lines.find(line => line.startsWith(`${path} `)) ?? ''
  t.regex(row('conv1'), /^conv1 +conv2d +4×16×16 +108\b/)
  t.regex(row('bn1'), /4×16×16 +8\b/)
  // Three diagonals of a block hold 1 + 2 + 3 coefficients.
  t.regex(row('relu'), /4×16×16 +6 of 64 +asm$/)
  t.regex(row('conv2'), /8×8×8 +288 +exploded$/)
  t.regex(row('fc'), /fc +linear +2 +18$/)
  const table = lines.slice(2)
  const column = table[0]?.indexOf('output') as number
  for (const path of ['conv1', 'bn1', 'relu', 'conv2', 'fc']) t.not(row(path)[column], ' ', `${path} is aligned`)
})

test('the nodes of a model are what the summary shows', t => {
  const { nodes, classes, parameterCount } = createModel(paperResnet({ frequencies: 6 }))
  t.is(classes, 10)
  t.is(
    nodes.reduce((sum, { parameters }) => sum + parameters, 0),
    parameterCount,
  )
  const last = nodes.at(-1)
  t.deepEqual([last?.path, last?.operation, last?.outputShape], ['fc', 'linear', [10]])
  t.is(nodes.find(({ path }) => path === 'block1.relu')?.coefficientsKept, 21)
})

test('a seed gives the same initial values, another gives others', async t => {
  const of = async (seed: number) => (await createModel(small, { seed }).parameters())[0]?.values
  t.deepEqual(await of(3), await of(3))
  t.notDeepEqual(await of(3), await of(4))
})

test("initial values are PyTorch's: uniform within 1/√fan-in, batch normalisation 1 and 0", async t => {
  const tensors = new Map((await createModel(paperResnet()).parameters()).map(({ name, values }) => [name, values]))
  const values = tensors.get('block3.conv2.weight') as Float32Array
  const bound = 1 / Math.sqrt(64 * 9)
  t.true(values.every(value => Math.abs(value) <= bound))
  t.true(Math.max(...values) > 0.99 * bound && Math.min(...values) < -0.99 * bound)
  t.true(tensors.get('block1.bn1.weight')?.every(value => value === 1))
  t.true(tensors.get('block1.bn1.running_var')?.every(value => value === 1))
  t.true(tensors.get('block1.bn1.bias')?.every(value => value === 0))
})

test('a model that was disposed of refuses every use', async t => {
  const model = createModel(small)
  await model.parameters()
  t.true(model.bytes > 0)
  model.dispose()
  t.is(model.bytes, 0)
  const images = { type: 'images', images: [], onError: 'error' } as const
  for (const use of [
    () => model.parameters(),
    () => model.predict([]),
    () => model.predict(jpegs),
    () => model.evaluate(images),
    () => model.fit(images),
    () => model.load([]),
    () => model.save('never.model'),
  ]) {
    await failsWith(t, use, { code: 'DISPOSED' })
  }
  t.notThrows(() => model.dispose(), 'twice is once')
})

test('what a model says of its training cannot be replaced', async t => {
  using model = create(sequential(head))
  const source = jpegImages(tenImages.slice(0, 2))
  await model.fit(source, { epochs: 1 })
  t.throws(() => Object.assign(model, { training: undefined }), { instanceOf: TypeError })
  t.throws(() => Object.assign(model, { trained: undefined }), { instanceOf: TypeError })
  t.deepEqual([model.training?.epoch, model.trained?.images], [1, 2])
})

test('a model that runs cannot be disposed of', async t => {
  const model = createModel(small)
  const running = model.parameters()
  await failsWith(t, () => model.dispose(), { code: 'BUSY' })
  await running
  t.notThrows(() => model.dispose())
})

test('using disposes of a model', async t => {
  let kept
  {
    using model = createModel(small)
    kept = model
  }
  await failsWith(t, () => kept.parameters(), { code: 'DISPOSED' })
})

test('calls on one model run one after the other', async t => {
  using model = createModel(small)
  const answers = await Promise.all(jpegs.map(jpeg => model.predict(jpeg)))
  t.deepEqual(
    answers.map(([prediction]) => prediction?.logits),
    (await model.predict(jpegs)).map(({ logits }) => logits),
  )
})

test('the event loop turns while a call runs', async t => {
  using model = createModel(paperResnet())
  const images = Array.from({ length: 50 }, () => tenImages[0]?.jpeg as Uint8Array)
  using dataset = await loadDataset(jpegImages(images.map((jpeg, index) => ({ jpeg, label: `${index % 10}` }))))
  await model.parameters()
  let [turns, done] = [0, false]
  const turn = () => {
    turns += 1
    if (!done) setImmediate(turn)
  }
  setImmediate(turn)
  // One call of the engine and promises alone: were it to block, no turn would come between.
  await model.evaluate(dataset, { batchSize: 50 })
  done = true
  t.true(turns > 0)
})
