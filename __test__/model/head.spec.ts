/** Features of pictures, and another head on the same body. */
import test from 'ava'
import {
  cifarResnet,
  createModel,
  defineModel,
  globalAveragePool,
  conv2d,
  jpegImages,
  linear,
  paperResnet,
  randomCrop,
  relu,
  replaceHead,
  resnet,
  sequential,
  type Model,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegs, tenImages, twoClasses } from '../fixtures/pictures.js'

/** Logits that a linear layer makes of features. */
async function logitsOf(model: Model, features: Float32Array, layer: string): Promise<number[]> {
  const tensors = await model.parameters()
  const [weight, bias] = ['weight', 'bias'].map(kind => tensors.find(({ name }) => name === `${layer}.${kind}`)?.values)
  return Array.from(bias ?? [], (own, output) =>
    features.reduce((sum, value, at) => sum + value * (weight?.[output * features.length + at] ?? NaN), own),
  )
}

const largest = (a: readonly number[], b: readonly number[]) =>
  Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? NaN))))

test('features are what the last layer makes logits of, in every mode', async t => {
  for (const [definition, count] of [
    [paperResnet(), 64],
    [cifarResnet(20), 64],
    [resnet({ block: 'bottleneck', stages: [{ blocks: 1, channels: 6 }], stem: { channels: 8, stride: 2 } }), 24],
  ] as const) {
    using model = createModel(definition, { seed: 3 })
    await model.fit(jpegImages(tenImages), { epochs: 1, batchSize: 5, seed: 1 })
    const head = definition.name.startsWith('cifar') ? 'linear' : 'fc'
    for (const mode of [
      {},
      { mode: 'approximated', frequencies: 6, masking: 'asm' },
      { mode: 'band-limited', frequencies: 8 },
    ] as const) {
      const embedded = await model.embed(jpegs, { ...mode, batchSize: 4 })
      const predicted = await model.predict(jpegs, { ...mode, batchSize: 4 })
      t.is(embedded.length, 10)
      for (const [index, { file, features }] of embedded.entries()) {
        t.is(file, predicted[index]?.file as string)
        t.is(features.length, count)
        const apart = largest(predicted[index]?.logits ?? [], await logitsOf(model, features, head))
        t.true(apart < 1e-4, `${definition.name} ${JSON.stringify(mode)}: ${apart} apart`)
      }
      t.true(largest([...(embedded[0]?.features ?? [])], [...(embedded[1]?.features ?? [])]) > 1e-3)
    }
  }
})

test('features are in memory of their own, and take the options of predictions', async t => {
  using model = createModel(paperResnet(), { seed: 3 })
  const [one] = await model.embed(jpegs[0] as Buffer)
  one?.features.fill(0)
  const [again] = await model.embed(jpegs[0] as Buffer, { transform: [randomCrop(32)] })
  t.true(again?.features.some(value => value !== 0))
  await failsWith(t, () => model.embed(Buffer.from('no JPEG')), { code: 'NOT_JPEG' })
  await failsWith(t, () => model.embed(jpegs, { batchSize: 0 }), { code: 'INVALID_OPTION', path: 'embed.batchSize' })
})

test('a replaced head has the new classes, and all else is as it was', async t => {
  using model = createModel(cifarResnet(20), { seed: 3, labels: Array.from({ length: 10 }, (_, k) => `old ${k}`) })
  const before = await model.parameters()
  using tuned = await replaceHead(model, { classes: ['even', 'odd'], seed: 9 })
  t.deepEqual(tuned.labels, ['even', 'odd'])
  t.is(tuned.classes, 2)
  const own = new Map((await tuned.parameters()).map(tensor => [tensor.name, tensor]))
  for (const tensor of before) {
    const name = tensor.name
    if (name.startsWith('linear.')) t.deepEqual(own.get(name)?.shape[0], 2)
    else t.deepEqual(own.get(name), tensor)
  }
  t.deepEqual(await model.parameters(), before)
  const [features, same] = [await model.embed(jpegs), await tuned.embed(jpegs)]
  for (const [index, { features: values }] of features.entries()) {
    t.true(largest([...values], [...(same[index]?.features ?? [])]) < 1e-5)
  }
  using other = await replaceHead(model, { classes: 2, seed: 10 })
  t.is(other.labels, undefined)
  const head = async (of: Model) => (await of.parameters()).find(({ name }) => name === 'linear.weight')?.values
  t.notDeepEqual(await head(other), await head(tuned))
})

test('a head is trained alone, or all with rates of their own', async t => {
  using model = createModel(cifarResnet(20), { seed: 3 })
  using tuned = await replaceHead(model, { classes: ['even', 'odd'] })
  const before = await tuned.parameters()
  const freeze = ['conv1', 'bn1', 'layer*']
  await tuned.fit(jpegImages(twoClasses), { epochs: 2, batchSize: 5, freeze })
  const after = await tuned.parameters()
  for (const [index, tensor] of after.entries()) {
    const same = tensor.values.every((value, at) => value === before[index]?.values[at])
    t.is(same, !tensor.name.startsWith('linear.'), tensor.name)
  }
})

test('pictures of another size can be given to the same body', async t => {
  using model = createModel(cifarResnet(20), { seed: 3 })
  using tuned = await replaceHead(model, { classes: 3, width: 48, height: 40, mode: 'band-limited', frequencies: 8 })
  t.like(tuned.definition, { band: 8, input: { width: 48, height: 40, mean: model.definition.input.mean } })
  t.is((await tuned.predict(jpegs[0] as Buffer))[0]?.logits.length, 3)
})

test('wrong classes of a head are refused, and a body without a head gets one', async t => {
  using model = createModel(paperResnet())
  await failsWith(t, () => replaceHead(model, { classes: 0 }), { code: 'INVALID_OPTION', path: 'replaceHead.classes' })
  await failsWith(t, () => replaceHead(model, { classes: ['a', 'a'] }), { code: 'LABELS_MISMATCH' })
  const layers = sequential({ conv: conv2d({ channels: 3 }), relu: relu(), pool: globalAveragePool() })
  const input = { channels: 3, height: 32, width: 32 }
  using headless = createModel(defineModel({ name: 'headless', input, layers }))
  await failsWith(t, () => headless.embed(jpegs), { code: 'INVALID_DEFINITION', path: 'pool' })
  using headed = await replaceHead(headless, { classes: 2 })
  t.is(headed.classes, 2)
  const alone = sequential({ pool: globalAveragePool(), fc: linear({ features: 2 }) })
  using shallow = createModel(defineModel({ name: 'shallow', input, layers: alone }))
  t.is((await shallow.embed(jpegs[0] as Buffer))[0]?.features.length, 3)
})
