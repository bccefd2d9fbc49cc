import test from 'ava'
import { createModel, paperResnet, resnet, type Tensor } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'

const definition = resnet({ stages: [{ blocks: 1, channels: 4 }], height: 8, width: 8 })

/** Weights of the definition from another seed than 0. */
async function weights(): Promise<Tensor[]> {
  using model = createModel(definition, { seed: 7 })
  return await model.parameters()
}

const renamed = (tensors: Tensor[], name: (old: string) => string) =>
  tensors.map(tensor => ({ ...tensor, name: name(tensor.name) }))

test('weights of the same network are all applied', async t => {
  const given = await weights()
  using model = createModel(definition)
  t.notDeepEqual(await model.parameters(), given)
  const report = await model.load(given)
  t.deepEqual(await model.parameters(), given)
  t.deepEqual(report, {
    prefix: '',
    applied: given.map(({ name }) => name),
    missing: [],
    unused: [],
    mismatched: [],
    suggestions: [],
  })
})

test('a prefix of all names is taken off and told', async t => {
  const given = await weights()
  using model = createModel(definition)
  const report = await model.load({ tensors: renamed(given, name => `module.model.${name}`) })
  t.is(report.prefix, 'module.model.')
  t.is(report.applied.length, given.length)
  t.deepEqual(await model.parameters(), given)
})

test('a prefix of the body alone is taken off, and the head that lacks it is applied too', async t => {
  const given = await weights()
  using model = createModel(definition)
  const report = await model.load(renamed(given, name => (name === 'fc.bias' ? name : `module.${name}`)))
  t.deepEqual([report.prefix, report.applied], ['module.', given.map(({ name }) => name)])
  t.deepEqual(await model.parameters(), given)
})

test('what is missing, unused and of another shape is named, the rest applied', async t => {
  const given = (await weights()).filter(({ name }) => name !== 'conv1.weight')
  const wider = createModel(resnet({ stages: [{ blocks: 1, channels: 4 }], height: 8, width: 8, classes: 12 }))
  const before = await wider.parameters()
  const report = await wider.load([...given, { name: 'extra', shape: [1], values: new Float32Array(1) }])
  t.deepEqual(report.missing, ['conv1.weight'])
  t.deepEqual(report.unused, ['extra'])
  t.deepEqual(report.mismatched, [
    { name: 'fc.weight', expected: '[12, 4]', found: '[10, 4]' },
    { name: 'fc.bias', expected: '[12]', found: '[10]' },
  ])
  const after = await wider.parameters()
  const valuesOf = (tensors: Tensor[], name: string) => tensors.find(tensor => tensor.name === name)?.values
  for (const name of ['conv1.weight', 'fc.weight']) t.deepEqual(valuesOf(after, name), valuesOf(before, name), name)
  t.deepEqual(valuesOf(after, 'layer1.0.conv1.weight'), valuesOf(given, 'layer1.0.conv1.weight'))
})

test('missing tensors are suggested under the names they may have, and left alone', async t => {
  const given = renamed(await weights(), name => name.replace('fc.', 'linear.').replace('layer1.0', 'stage.0'))
  using model = createModel(definition)
  const report = await model.load(given)
  const suggested = new Map(report.suggestions.map(({ missing, unused }) => [missing, unused]))
  t.is(suggested.get('fc.weight'), 'linear.weight')
  t.is(suggested.get('layer1.0.conv1.weight'), 'stage.0.conv1.weight')
  t.is(suggested.get('layer1.0.bn2.running_var'), 'stage.0.bn2.running_var')
  t.true(report.missing.includes('fc.weight') && report.unused.includes('linear.weight'))
})

test('nothing is suggested where two names are as likely', async t => {
  const given = (await weights()).filter(({ name }) => name !== 'fc.bias')
  const bias = { shape: [10], values: new Float32Array(10) }
  using model = createModel(definition)
  const two = [
    { ...bias, name: 'head.bias' },
    { ...bias, name: 'tail.bias' },
  ]
  t.deepEqual((await model.load([...given, ...two])).suggestions, [])
  t.deepEqual((await model.load([...given, ...two.slice(1)])).suggestions, [
    { missing: 'fc.bias', unused: 'tail.bias' },
  ])
})

test('files that count no batches are whole', async t => {
  const given = (await weights()).filter(({ name }) => !name.endsWith('num_batches_tracked'))
  using model = createModel(definition)
  t.deepEqual((await model.load(given)).missing, [])
})

const refuses = test.macro(async (t, damage: (tensors: Tensor[]) => Tensor[], path: string, found: string) => {
  const given = damage(await weights())
  using model = createModel(definition)
  const before = await model.parameters()
  await failsWith(t, () => model.load(given), { code: 'INVALID_WEIGHTS', path, found })
  t.deepEqual(await model.parameters(), before)
})
const changed = (name: string, value: number) => (tensors: Tensor[]) =>
  tensors.map(tensor =>
    tensor.name === name
      ? { ...tensor, values: tensor.values.map((old, index) => (index === 0 ? value : old)) }
      : tensor,
  )
test('a NaN is refused and nothing replaced', refuses, changed('fc.bias', NaN), 'fc.bias', 'NaN')
test('an infinity is refused and nothing replaced', refuses, changed('fc.weight', Infinity), 'fc.weight', 'inf')
test('a negative variance is refused', refuses, changed('bn1.running_var', -1), 'bn1.running_var', '-1')
test('a tensor given twice is refused', refuses, tensors => [...tensors, tensors[0] as Tensor], 'conv1.weight', 'twice')

test('of the weights of another network only what fits by name and shape is applied', async t => {
  using model = createModel(paperResnet())
  const report = await model.load(await weights())
  t.deepEqual(report.applied, ['fc.bias'])
  t.deepEqual(report.mismatched, [{ name: 'fc.weight', expected: '[10, 64]', found: '[10, 4]' }])
})
