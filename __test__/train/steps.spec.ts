/** What one update is made of: batches, clipping, smoothing, frozen layers, groups, the average. */
import test, { type ExecutionContext } from 'ava'
import {
  adam,
  createModel,
  jpegImages,
  loadModel,
  readSafetensors,
  resnet,
  sgd,
  type Model,
  type StepEvent,
  type Tensor,
  type TrainOptions,
} from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { temporaryFolder, twoClasses } from '../fixtures/pictures.js'
import { data } from '../fixtures/training.js'

const definition = resnet({
  stages: [
    { blocks: 1, channels: 4 },
    { blocks: 1, channels: 6 },
  ],
  classes: 2,
})
const newModel = () => createModel(definition, { seed: 1 })
/** Gradient descent without memory, whose updates tell the gradients. */
const plain = sgd({ learningRate: 0.1, momentum: 0 })
const inOrder = { epochs: 1, shuffle: false, optimizer: plain }

async function stepsOf(model: Model, options: TrainOptions): Promise<StepEvent[]> {
  const steps: StepEvent[] = []
  await model.fit(data, { ...options, onEvent: event => event.type === 'step' && steps.push(event) })
  return steps
}

const isLearned = ({ name }: Tensor) => /\.(weight|bias)$/.test(name)

/** What each parameter lost, in the order of the model's. */
function difference(before: readonly Tensor[], after: readonly Tensor[]): Map<string, number[]> {
  return new Map(
    before.filter(isLearned).map(({ name, values }) => {
      const now = after.find(tensor => tensor.name === name)?.values ?? new Float32Array(values.length)
      return [name, Array.from(values, (value, at) => value - (now[at] as number))]
    }),
  )
}

/** What training with these options takes off each parameter. */
async function taken(options: TrainOptions): Promise<{ moved: Map<string, number[]>; steps: StepEvent[] }> {
  using model = newModel()
  const before = await model.parameters()
  const steps = await stepsOf(model, options)
  return { moved: difference(before, await model.parameters()), steps }
}

function same(t: ExecutionContext, found: Map<string, number[]>, of: (name: string, at: number) => number) {
  let largest = 0
  for (const [name, values] of found)
    values.forEach((value, at) => (largest = Math.max(largest, Math.abs(value - of(name, at)))))
  t.true(largest < 1e-6, `off by ${largest}`)
}

const norm = (moved: Map<string, number[]>) => Math.hypot(...[...moved.values()].flat()) / 0.1

test('a step of several batches is one update by the mean over all their pictures, the last step what is left', async t => {
  const { moved, steps } = await taken({ ...inOrder, batchSize: 4, accumulate: 3 })
  t.is(steps.length, 1)
  // Batches of 4, 4 and 2 pictures from the same weights.
  const shares = [4, 4, 2].map(size => size / 10)
  const parts = await Promise.all(
    [twoClasses.slice(0, 4), twoClasses.slice(4, 8), twoClasses.slice(8)].map(async images => {
      using model = newModel()
      const before = await model.parameters()
      await model.fit(jpegImages(images), { ...inOrder, batchSize: 4 })
      return { moved: difference(before, await model.parameters()), loss: model.training?.history[0]?.loss ?? NaN }
    }),
  )
  same(t, moved, (name, at) =>
    parts.reduce((sum, part, index) => sum + (shares[index] as number) * (part.moved.get(name)?.[at] as number), 0),
  )
  const loss = parts.reduce((sum, part, index) => sum + (shares[index] as number) * part.loss, 0)
  t.true(Math.abs((steps[0]?.loss ?? NaN) - loss) < 1e-9)
})

test('an epoch has as many steps as groups of batches, and schedules count those', async t => {
  using model = newModel()
  const starts: number[] = []
  const steps: StepEvent[] = []
  await model.fit(data, {
    epochs: 2,
    batchSize: 2,
    accumulate: 2,
    onEvent: event => {
      if (event.type === 'start') starts.push(event.stepsPerEpoch)
      if (event.type === 'step') steps.push(event)
    },
  })
  t.deepEqual(starts, [3])
  t.deepEqual(
    steps.map(({ epoch, step }) => `${epoch}.${step}`),
    ['1.1', '1.2', '1.3', '2.1', '2.2', '2.3'],
  )
  t.is(model.training?.step, 6)
  const tracked = (await model.parameters()).find(({ name }) => name.endsWith('num_batches_tracked'))
  t.is(tracked?.values[0], 10, 'statistics are those of each batch')
})

test('gradients are clipped by their norm, which is told as it was before', async t => {
  const free = await taken({ ...inOrder, batchSize: 10 })
  const before = free.steps[0]?.gradientNorm ?? NaN
  t.true(Math.abs(before - norm(free.moved)) < 1e-4 * before)
  const { moved, steps } = await taken({ ...inOrder, batchSize: 10, clip: { norm: 0.01 } })
  t.is(steps[0]?.gradientNorm, before)
  same(t, moved, (name, at) => (0.01 / (before + 1e-6)) * (free.moved.get(name)?.[at] as number))
  const small = await taken({ ...inOrder, batchSize: 10, clip: { norm: 1e6 } })
  t.deepEqual(small.moved, free.moved, 'a small enough norm is left')
})

test('gradients are clipped by value', async t => {
  const free = await taken({ ...inOrder, batchSize: 10 })
  const { moved } = await taken({ ...inOrder, batchSize: 10, clip: { value: 0.01 } })
  same(t, moved, (name, at) => Math.max(-0.001, Math.min(0.001, free.moved.get(name)?.[at] as number)))
})

test('smoothed labels are in the loss as in the formula, and not in the test of an epoch', async t => {
  const smoothing = 0.2
  const loss = async (labelSmoothing: number) => {
    using model = newModel()
    const still = sgd({ learningRate: 0, momentum: 0 })
    await model.fit(data, { epochs: 1, batchSize: 10, optimizer: still, labelSmoothing, test: data })
    return model.training?.history[0]
  }
  const [plainly, smoothed, even] = [await loss(0), await loss(smoothing), await loss(1)]
  // (1 − ε)·loss + ε·(loss against an even target), which is what ε = 1 leaves.
  const expected = (1 - smoothing) * (plainly?.loss ?? NaN) + smoothing * (even?.loss ?? NaN)
  t.true(Math.abs((smoothed?.loss ?? NaN) - expected) < 1e-7)
  t.not(plainly?.loss, even?.loss)
  t.is(smoothed?.test?.loss, plainly?.test?.loss)
})

test('frozen layers keep every bit, statistics included, under weight decay and with any optimizer', async t => {
  for (const optimizer of [adam({ weightDecay: 0.1 }), sgd({ weightDecay: 0.1 })]) {
    using model = newModel()
    const before = await model.parameters()
    const freeze = ['conv1', 'bn1', 'layer1']
    await model.fit(data, { epochs: 2, batchSize: 4, optimizer, freeze })
    const after = await model.parameters()
    const isFrozen = (name: string) => freeze.some(path => name.startsWith(`${path}.`))
    before.forEach(({ name, values }, index) => t.is(isFrozen(name), sameValues(values, after[index]), name))
    const path = `${await temporaryFolder(t)}/a.model`
    await model.save(path, { optimizer: true })
    const memory = (await readSafetensors(path)).tensors.filter(({ name }) => name.startsWith('optimizer.layer1'))
    t.true(memory.length > 0 && memory.every(({ values }) => values.length === 0), 'nothing is remembered of them')
  }
})

const sameValues = (values: Float32Array, other: Tensor | undefined) =>
  values.every((value, at) => value === other?.values[at])

test('statistics of frozen normalisations go on if asked', async t => {
  using model = newModel()
  const before = await model.parameters()
  await model.fit(data, { epochs: 1, batchSize: 4, freeze: ['bn1'], freezeStatistics: false })
  const after = await model.parameters()
  const kept = (name: string) => {
    const index = before.findIndex(tensor => tensor.name === name)
    return sameValues(before[index]?.values as Float32Array, after[index])
  }
  t.true(kept('bn1.weight') && kept('bn1.bias'))
  t.false(kept('bn1.running_mean') || kept('bn1.running_var'))
})

test('a pattern freezes the layers it means and no others that begin alike', async t => {
  const frozen = async (freeze: string[]) => {
    const { moved } = await taken({ ...inOrder, freeze })
    return [...moved].filter(([, values]) => values.every(value => value === 0)).map(([name]) => name)
  }
  t.deepEqual(await frozen(['layer1.0.conv*']), ['layer1.0.conv1.weight', 'layer1.0.conv2.weight'])
  t.deepEqual(await frozen(['*.bn2']), [
    'layer1.0.bn2.weight',
    'layer1.0.bn2.bias',
    'layer2.0.bn2.weight',
    'layer2.0.bn2.bias',
  ])
  t.deepEqual(await frozen([]), [])
})

test('groups have a learning rate or a factor of it and a weight decay of their own', async t => {
  const free = await taken({ ...inOrder, batchSize: 10 })
  using model = newModel()
  const before = await model.parameters()
  const groups = [
    { layers: ['fc'], factor: 10, weightDecay: 0.5 },
    { layers: ['layer1', 'layer2.0.conv1'], learningRate: 0.02 },
  ]
  await model.fit(data, { ...inOrder, batchSize: 10, groups })
  const weights = new Map(before.map(({ name, values }) => [name, values]))
  same(t, difference(before, await model.parameters()), (name, at) => {
    const gradient = (free.moved.get(name)?.[at] as number) / 0.1
    if (name.startsWith('fc')) return 1 * (gradient + 0.5 * (weights.get(name)?.[at] as number))
    return (/^(layer1|layer2\.0\.conv1)\./.test(name) ? 0.02 : 0.1) * gradient
  })
})

test('the average is what predicts, is tested and saved; the live weights train as without it', async t => {
  const options = { epochs: 3, batchSize: 4, test: data }
  using model = newModel()
  await model.fit(data, { ...options, average: { decay: 0.9 } })
  using without = newModel()
  await without.fit(data, options)
  t.deepEqual(await model.parameters({ weights: 'live' }), await without.parameters())
  t.notDeepEqual(await model.parameters(), await without.parameters())
  t.deepEqual(await model.parameters(), await model.parameters({ weights: 'average' }))
  t.is(model.training?.history.at(-1)?.test?.loss, (await model.evaluate(data)).loss)

  const folder = await temporaryFolder(t)
  const paths = { answer: `${folder}/a.model`, live: `${folder}/b.model`, whole: `${folder}/c.model` }
  await model.save(paths.answer)
  await model.save(paths.live, { weights: 'live' })
  await model.save(paths.whole, { optimizer: true })
  using plainly = await loadModel(paths.answer)
  using live = await loadModel(paths.live)
  using whole = await loadModel(paths.whole)
  t.deepEqual(await plainly.parameters(), await model.parameters())
  t.deepEqual(await live.parameters(), await without.parameters())
  t.deepEqual(await whole.parameters(), await model.parameters())
  t.deepEqual(await whole.parameters({ weights: 'live' }), await without.parameters())
})

test('a set of weights that is not kept is refused', async t => {
  using model = newModel()
  for (const weights of ['average', 'best'] as const) {
    await failsWith(t, () => model.parameters({ weights }), { code: 'INVALID_OPTION', path: 'weights', found: weights })
  }
  t.deepEqual(await model.parameters({ weights: 'live' }), await model.parameters())
  await failsWith(t, () => model.save('/nowhere', { optimizer: true, weights: 'live' }), {
    code: 'INVALID_OPTION',
    path: 'save.weights',
  })
})

const refuses = test.macro(async (t, options: TrainOptions, expected: Omit<Expected, 'code'>) => {
  using model = newModel()
  await failsWith(t, () => model.fit(data, options), { code: 'INVALID_OPTION', ...expected })
  t.is(model.training, undefined)
})
test('groups of no batches are refused', refuses, { accumulate: 0 }, { path: 'train.accumulate', found: '0' })
test(
  'maps of another precision than there is are refused',
  refuses,
  { storage: 'float16' as 'float32' },
  { path: 'train.storage' },
)
test('a smoothing above 1 is refused', refuses, { labelSmoothing: 1.1 }, { path: 'train.labelSmoothing' })
test('a norm of 0 is refused', refuses, { clip: { norm: 0 } }, { path: 'train.clip.norm', expected: 'above 0' })
test('both ways to clip are refused', refuses, { clip: { norm: 1, value: 1 } }, { expected: 'a norm or a value' })
test('no way to clip is refused', refuses, { clip: {} }, { path: 'train.clip', expected: 'a norm or a value' })
test('a decay of 1 is refused', refuses, { average: { decay: 1 } }, { path: 'train.average.decay', found: '1' })
test(
  'a layer that is not there is refused with the one most like it',
  refuses,
  { freeze: ['conv1', 'layer3'] },
  { path: 'train.freeze.1', message: 'expected the path of layers that learn (layer1?), found "layer3"' },
)
test(
  'a typing error in a path is refused with the path that was meant',
  refuses,
  { groups: [{ layers: ['layer1.0.covn1'], factor: 2 }] },
  { path: 'train.groups.0.layers.0', expected: '(layer1.0.conv1?)' },
)
test('a name like none has no suggestion', refuses, { freeze: ['transformer'] }, { expected: 'layers that learn' })
test('the beginning of a name is no path', refuses, { freeze: ['conv'] }, { expected: '(conv1?)' })
test('layers that learn nothing cannot be frozen', refuses, { freeze: ['relu'] }, { path: 'train.freeze.0' })
test('freezing everything is refused', refuses, { freeze: ['*'] }, { path: 'train.freeze', found: 'none' })
test(
  'a layer in two groups is refused',
  refuses,
  {
    groups: [
      { layers: ['layer1'], factor: 2 },
      { layers: ['*.bn1'], weightDecay: 0 },
    ],
  },
  { path: 'train.groups.1.layers', found: 'layer1.0.bn1' },
)
test(
  'a group of frozen layers is refused',
  refuses,
  { freeze: ['layer1'], groups: [{ layers: ['layer1.0'], factor: 2 }] },
  { path: 'train.groups.0.layers.0' },
)
test(
  'a rate beside a factor is refused',
  refuses,
  { groups: [{ layers: ['fc'], factor: 2, learningRate: 1 }] },
  { path: 'train.groups.0', expected: 'a learningRate or a factor' },
)
test('a string in place of layers is refused', refuses, { freeze: 'conv1' as never }, { path: 'train.freeze' })
