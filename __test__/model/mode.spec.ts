import { join } from 'node:path'
import test from 'ava'
import {
  cifarResnet,
  conv2d,
  createModel,
  defineModel,
  globalAveragePool,
  jpegImages,
  linear,
  loadModel,
  paperResnet,
  relu,
  relu6,
  sequential,
  sgd,
  type Layer,
  type Model,
  type ModelDefinition,
  type ModeOptions,
} from '../../src-ts/index.js'
import { lowerModel } from '../../src-ts/model/graph.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { fixture, jpegPaths, jpegs, temporaryFolder, twoClasses } from '../fixtures/pictures.js'

/** What the engine is told: the masking of every nonlinearity, and the band. */
function told(definition: ModelDefinition) {
  const { nodes, band } = lowerModel(definition)
  const maskings = nodes.flatMap(({ operation }) =>
    operation.type === 'piecewiseLinear' ? [`${operation.masking} ${operation.frequencies}`] : [],
  )
  return { maskings: [...new Set(maskings)], band }
}

const head = { pool: globalAveragePool(), fc: linear({ features: 2 }) }
const chain = (...layers: Layer[]) => sequential({ ...Object.fromEntries(layers.entries()), ...head })
const input = { channels: 3, height: 32, width: 32 }
const mixed = { name: 'mixed', input, layers: chain(relu(), relu6({ masking: 'apx', frequencies: 3 })) }

test('a network is exact unless told', t => {
  t.deepEqual(told(paperResnet()), { maskings: ['exact 15'], band: undefined })
})
test('the approximated mode masks every nonlinearity', t => {
  const mode = { mode: 'approximated', masking: 'apx', frequencies: 4 } as const
  t.deepEqual(told(cifarResnet(20, mode)), { maskings: ['apx 4'], band: undefined })
  t.deepEqual(told(defineModel({ ...mixed, ...mode })), { maskings: ['apx 4'], band: undefined })
})
test('frequencies alone mean ASM', t => {
  t.deepEqual(told(paperResnet({ frequencies: 6 })), { maskings: ['asm 6'], band: undefined })
})
test('the band-limited mode sets the band and masks exactly', t => {
  const mode = { mode: 'band-limited', frequencies: 6 } as const
  t.deepEqual(told(paperResnet(mode)), { maskings: ['exact 15'], band: 6 })
  t.deepEqual(told(defineModel({ ...mixed, ...mode })), { maskings: ['exact 15'], band: 6 })
})
test('the exact mode takes everything back', t => {
  using model = createModel(paperResnet({ mode: 'band-limited', frequencies: 6 }), { mode: 'exact' })
  t.deepEqual(told(model.definition), { maskings: ['exact 15'], band: undefined })
})
test('without a mode every layer keeps its own masking', t => {
  t.deepEqual(told(defineModel(mixed)).maskings, ['exact 15', 'apx 3'])
})
test("what is not said is the model's own", t => {
  const again = (definition: ModelDefinition, options: ModeOptions) => {
    using model = createModel(definition, options)
    return told(model.definition)
  }
  const banded = paperResnet({ mode: 'band-limited', frequencies: 6 })
  const approximated = paperResnet({ masking: 'apx', frequencies: 6 })
  t.deepEqual(again(banded, { frequencies: 4 }), { maskings: ['exact 15'], band: 4 })
  t.deepEqual(again(approximated, { frequencies: 4 }), { maskings: ['apx 4'], band: undefined })
  t.deepEqual(again(approximated, { masking: 'asm' }), { maskings: ['asm 6'], band: undefined })
})

test('a summary says the mode', t => {
  const first = (options: ModeOptions) => createModel(paperResnet(options)).summary().split('\n')[0] ?? ''
  t.regex(first({}), /, exact$/)
  t.regex(first({ frequencies: 6 }), /, approximated by ASM from 6 frequencies$/)
  t.regex(first({ mode: 'band-limited', frequencies: 1 }), /, band-limited to 1 frequency$/)
  t.regex(createModel(defineModel(mixed)).summary(), /, masked layer by layer\n/)
})

test('a saved model keeps its mode', async t => {
  const path = join(await temporaryFolder(t), 'banded.model')
  using model = createModel(paperResnet({ mode: 'band-limited', frequencies: 6 }), { seed: 2 })
  await model.save(path)
  using loaded = await loadModel(path)
  t.is(loaded.definition.band, 6)
  t.deepEqual(await logitsOf(loaded), await logitsOf(model))
  using exact = await loadModel(path, { mode: 'exact' })
  near(t, await logitsOf(exact), await logitsOf(model, { mode: 'exact' }))
})

async function logitsOf(model: Model, options: ModeOptions = {}, files: string[] = jpegPaths): Promise<number[]> {
  return (await model.predict(files, options)).flatMap(({ logits }) => logits)
}

const distance = (a: number[], b: number[]) => Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? NaN))))

function near(t: { true: (value: boolean, message?: string) => void }, found: number[], expected: number[]) {
  const error = distance(found, expected)
  t.true(found.length === expected.length && error < 1e-5, `largest difference ${error}`)
}

for (const [size, files] of [
  ['32×32', jpegPaths],
  ['27×19', [fixture('variants/odd.jpg')]],
] as const) {
  const [width, height] = size.split('×').map(Number) as [number, number]
  const make = (mode: ModeOptions = {}) => createModel(cifarResnet(20, { width, height, ...mode }), { seed: 4 })

  test(`with all frequencies the three modes agree, on pictures of ${size}`, async t => {
    using model = make()
    const exact = await logitsOf(model, {}, [...files])
    for (const mode of [
      { mode: 'exact' },
      { mode: 'band-limited', frequencies: 15 },
      { mode: 'approximated', masking: 'asm', frequencies: 15 },
      { mode: 'approximated', masking: 'apx', frequencies: 15 },
    ] as const) {
      near(t, await logitsOf(model, mode, [...files]), exact)
    }
  })

  test(`with fewer frequencies the three modes differ, on pictures of ${size}`, async t => {
    using model = make()
    const answers = await Promise.all(
      [
        { mode: 'exact' },
        { mode: 'band-limited', frequencies: 3 },
        { mode: 'approximated', masking: 'asm', frequencies: 3 },
        { mode: 'approximated', masking: 'apx', frequencies: 3 },
      ].map(mode => logitsOf(model, mode as ModeOptions, [...files])),
    )
    answers.forEach((one, index) =>
      answers.slice(index + 1).forEach(other => t.true(distance(one, other) > 1e-4, `${distance(one, other)}`)),
    )
  })

  test(`a mode asked for is the mode of a model of that mode, on pictures of ${size}`, async t => {
    using exact = make()
    for (const mode of [
      { mode: 'band-limited', frequencies: 5 },
      { mode: 'approximated', masking: 'apx', frequencies: 5 },
    ] as const) {
      using own = make(mode)
      near(t, await logitsOf(own, {}, [...files]), await logitsOf(exact, mode, [...files]))
      near(t, await logitsOf(own, { mode: 'exact' }, [...files]), await logitsOf(exact, {}, [...files]))
    }
  })
}

test('a band-limited convolution keeps the frequencies of its band', async t => {
  // One 1×1 filter of ones and a mean: with one frequency or with all of them the mean is the same.
  const layers = sequential({ conv: conv2d({ channels: 1, size: 1 }), ...head })
  using model = createModel(defineModel({ name: 'mean', input, layers }), { seed: 1 })
  near(t, await logitsOf(model, { mode: 'band-limited', frequencies: 1 }), await logitsOf(model))
})

test('an evaluation runs in the mode asked for', async t => {
  using model = createModel(cifarResnet(20, { classes: 2 }), { seed: 4, labels: ['even', 'odd'] })
  const lossOf = async (options: ModeOptions) => (await model.evaluate(jpegImages(twoClasses), options)).loss
  const exact = await lossOf({})
  t.true(Math.abs((await lossOf({ mode: 'band-limited', frequencies: 15 })) - exact) < 1e-5)
  t.true(Math.abs((await lossOf({ mode: 'band-limited', frequencies: 2 })) - exact) > 1e-4)
})

test('a band-limited network trains', async t => {
  const losses = async (mode: ModeOptions) => {
    using model = createModel(cifarResnet(20, { classes: 2, ...mode }), { seed: 4 })
    const optimizer = sgd({ learningRate: 0.02, momentum: 0.9 })
    const { epochs } = await model.fit(jpegImages(twoClasses), { epochs: 12, batchSize: 10, optimizer })
    return epochs.map(({ loss }) => loss)
  }
  const [exact, all, banded] = [
    await losses({}),
    await losses({ mode: 'band-limited', frequencies: 15 }),
    await losses({ mode: 'band-limited', frequencies: 5 }),
  ]
  t.deepEqual(all.slice(0, 3), exact.slice(0, 3), 'all frequencies are the exact network')
  t.not(banded[0], exact[0])
  t.true((banded.at(-1) ?? NaN) < 0.5 * (banded[0] ?? NaN), banded.join(' '))
})

const refuses = test.macro(async (t, mode: ModeOptions, expected: Omit<Expected, 'code'> & { path: string }) => {
  const failure = { code: 'INVALID_OPTION', ...expected } as const
  await failsWith(t, () => paperResnet(mode), { ...failure, path: `paperResnet.${expected.path}` })
  await failsWith(t, () => defineModel({ name: 'test', input, layers: chain(relu()), ...mode }), {
    ...failure,
    path: `defineModel.${expected.path}`,
  })
  using model = createModel(paperResnet())
  await failsWith(t, () => createModel(paperResnet(), mode), { ...failure, path: `createModel.${expected.path}` })
  await failsWith(t, () => model.predict(jpegs, mode), { ...failure, path: `predict.${expected.path}` })
  await failsWith(t, () => model.evaluate(jpegImages(twoClasses), mode), {
    ...failure,
    path: `evaluate.${expected.path}`,
  })
})
test(
  'a mode of another name is refused',
  refuses,
  { mode: 'fast' as never },
  {
    path: 'mode',
    expected: 'one of exact, approximated, band-limited',
    found: 'fast',
  },
)
test(
  'frequencies of the exact mode are refused',
  refuses,
  { mode: 'exact', frequencies: 6 },
  {
    path: 'frequencies',
    expected: 'none, because the exact mode keeps all',
    found: '6',
  },
)
test(
  'a masking of the exact mode is refused',
  refuses,
  { mode: 'exact', masking: 'asm' },
  {
    path: 'masking',
    expected: 'none, because the mode is exact',
    found: 'asm',
  },
)
test(
  'a masking of the band-limited mode is refused',
  refuses,
  { mode: 'band-limited', frequencies: 6, masking: 'apx' },
  {
    path: 'masking',
    expected: 'none, because the mode is band-limited',
    found: 'apx',
  },
)
test(
  'the approximated mode wants its frequencies',
  refuses,
  { mode: 'approximated' },
  {
    path: 'frequencies',
    expected: 'a whole number from 1 to 15, because the mode is approximated',
    found: 'nothing',
  },
)
test(
  'the band-limited mode wants its frequencies',
  refuses,
  { mode: 'band-limited' },
  {
    path: 'frequencies',
    expected: 'a whole number from 1 to 15, because the mode is band-limited',
    found: 'nothing',
  },
)
test('a masking wants its frequencies', refuses, { masking: 'apx' }, { path: 'frequencies', found: 'nothing' })

test('frequencies alone are too little for a model whose layers mask each in a way of its own', async t => {
  using model = createModel(defineModel(mixed))
  await failsWith(t, () => model.predict(jpegPaths, { frequencies: 4 }), {
    code: 'INVALID_OPTION',
    path: 'predict.mode',
    expected: 'a name',
    found: 'nothing',
  })
})
