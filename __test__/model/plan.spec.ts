import test from 'ava'
import {
  cifarResnet,
  conv2d,
  createModel,
  defineModel,
  globalAveragePool,
  linear,
  paperResnet,
  sequential,
  type Factorisation,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegPaths } from '../fixtures/pictures.js'

test('a plan names every convolution with how it is computed, in what and why', async t => {
  using model = createModel(cifarResnet(20, { shortcut: 'B' }))
  const { steps, batch, mode } = await model.plan({ batch: 8 })
  t.deepEqual([batch, mode], [8, { mode: 'exact' }])
  const convolutions = steps.filter(({ factorisation }) => factorisation !== undefined)
  const paths = model.nodes.filter(({ operation }) => operation === 'conv2d').map(({ path }) => path)
  t.deepEqual(convolutions.map(({ path }) => path).sort(), [...paths, 'linear'].sort())
  for (const { path, operation, representation, reason, microseconds } of convolutions) {
    t.regex(operation, path === 'linear' ? /^linear/ : /^conv2d/, path)
    t.is(representation, path === 'linear' ? 'features' : 'pixels', path)
    t.truthy(reason, path)
    t.true((microseconds ?? 0) > 0, path)
  }
})

test('batch normalisation, the sum and ReLU are fused into the convolution before them', async t => {
  using model = createModel(cifarResnet(20))
  const { steps } = await model.plan()
  t.is(steps.find(({ path }) => path === 'layer1.0.conv2')?.operation, 'conv2d + batchNorm + add + piecewiseLinear')
  t.false(steps.some(({ path }) => path.endsWith('bn2')))
})

for (const factorisation of ['winograd', 'winograd2', 'sandwich'] satisfies Factorisation[]) {
  test(`a convolution asked to be computed by ${factorisation} is, and gives what others give`, async t => {
    const model = (asked: Factorisation) => {
      const conv = conv2d({ channels: 8, factorisation: asked })
      const layers = sequential({ conv, again: conv, pool: globalAveragePool(), fc: linear({ features: 3 }) })
      const input = { channels: 3, height: 32, width: 32 }
      return createModel(defineModel({ name: 'test', input, layers }), { seed: 3 })
    }
    using own = model(factorisation)
    using exploded = model('exploded')
    const planned = (await own.plan()).steps.find(({ path }) => path === 'again')
    t.like(planned, { factorisation, reason: 'asked for' })
    const logits = async (of: typeof own) => (await of.predict(jpegPaths)).flatMap(({ logits }) => logits)
    const [found, expected] = [await logits(own), await logits(exploded)]
    const errors = found.map((value, index) => Math.abs(value - (expected[index] ?? NaN)))
    t.true(Math.max(...errors) < 1e-5, `${Math.max(...errors)}`)
  })
}

test('the plan of another mode is asked for as the mode is', async t => {
  using model = createModel(paperResnet())
  const banded = await model.plan({ mode: 'band-limited', frequencies: 6 })
  t.deepEqual(banded.mode, { mode: 'band-limited', frequencies: 6 })
  t.true(banded.steps.some(({ path }) => path === 'block1.conv1'))
  t.deepEqual((await model.plan({ frequencies: 6 })).mode, { mode: 'approximated', masking: 'asm', frequencies: 6 })
})

test('a summary of a plan has a line a step', async t => {
  using model = createModel(paperResnet())
  const plan = await model.plan({ batch: 16 })
  const lines = plan.summary().split('\n')
  t.is(lines[0], 'paper: 16 images a call, exact')
  t.regex(lines[2] ?? '', /^step +operation +computed by +gives +µs an image +because$/)
  t.deepEqual(
    lines.slice(4).map(line => line.split(' ')[0]),
    plan.steps.map(({ path }) => path),
  )
  const step = plan.steps.find(({ path }) => path === 'block1.conv2')
  const line = lines.find(line => line.startsWith('block1.conv2 ')) ?? ''
  for (const part of [step?.factorisation, step?.reason, step?.representation]) t.true(line.includes(part ?? '?'))
})

test('a plan of no pictures or in half a mode is refused', async t => {
  using model = createModel(paperResnet())
  await failsWith(t, () => model.plan({ batch: 0 }), { code: 'INVALID_OPTION', path: 'plan.batch' })
  await failsWith(t, () => model.plan({ mode: 'band-limited' }), { code: 'INVALID_OPTION', path: 'plan.frequencies' })
})

test('a profile is the plan of those pictures with what every step took', async t => {
  using model = createModel(paperResnet())
  const profile = await model.profile(jpegPaths, { rounds: 2 })
  const { steps } = await model.plan({ batch: jpegPaths.length })
  t.deepEqual(
    profile.steps.map(({ path }) => path),
    steps.map(({ path }) => path),
  )
  t.true(profile.steps.every(({ measured }) => (measured ?? 0) > 0))
  const lines = profile.summary().split('\n')
  t.regex(lines[2] ?? '', /µs an image +took +because$/)
  t.regex(lines.at(-1) ?? '', /^all steps took \d+\.\d µs an image$/)
})

test('a profile of no pictures or no rounds is refused, and one of a missing file names it', async t => {
  using model = createModel(paperResnet())
  await failsWith(t, () => model.profile([]), { code: 'INVALID_OPTION' })
  await failsWith(t, () => model.profile(jpegPaths, { rounds: 0 }), { code: 'INVALID_OPTION', path: 'profile.rounds' })
  await failsWith(t, () => model.profile('missing.jpg'), { code: 'FILE_NOT_FOUND' })
})
