/** Weights with PyTorch's names: which network they are of, and what does not fit. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  cifarResnet,
  convertModel,
  createModel,
  paperResnet,
  readSafetensors,
  resnet,
  resnet18,
  resnet34,
  resnet50,
  writeSafetensors,
  type LoadReport,
  type ModelDefinition,
  type Tensor,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegs, temporaryFolder } from '../fixtures/pictures.js'

/** Initial weights of a network. */
async function weightsOf(definition: ModelDefinition): Promise<Tensor[]> {
  using model = createModel(definition, { seed: 5 })
  return await model.parameters()
}

const networks: [string, ModelDefinition, string][] = [
  ['paper', paperResnet({ classes: 7 }), ''],
  ['cifar-resnet20', cifarResnet(20), 'module.'],
  ['cifar-resnet32', cifarResnet(32, { shortcut: 'B', classes: 3 }), ''],
  ['cifar-resnet44', cifarResnet(44, { channels: 1 }), '_orig_mod.'],
  ['cifar-resnet56', cifarResnet(56), ''],
  ['cifar-resnet110', cifarResnet(110), 'model.'],
  ['resnet18', resnet18({ classes: 5 }), ''],
  ['resnet34', resnet34({ classes: 5 }), 'module.model.'],
  ['resnet50', resnet50({ classes: 5 }), ''],
]

for (const [network, definition, prefix] of networks) {
  test(`weights of ${network}${prefix && ` below ${prefix}`} are recognised, and come out again as they went in`, async t => {
    const path = join(await temporaryFolder(t), 'weights.safetensors')
    const weights = await weightsOf(definition)
    const given = weights.map(tensor => ({ ...tensor, name: prefix + tensor.name }))
    await writeSafetensors(path, { tensors: given.toReversed() })
    const conversion = await convertModel(path)
    using model = conversion.model
    t.is(conversion.network, network)
    t.is(conversion.report.prefix, prefix)
    t.is(model.classes, definition.layers.type === 'sequential' ? lastFeatures(definition) : NaN)
    t.is(model.definition.input.channels, definition.input.channels)
    t.deepEqual(await model.parameters(), weights)
  })
}

function lastFeatures({ layers }: ModelDefinition): number {
  const last = layers.type === 'sequential' ? layers.layers.at(-1)?.layer : undefined
  return last?.type === 'linear' ? last.features : NaN
}

test('options of the network, its classes and its mode are taken', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  await writeSafetensors(path, { tensors: await weightsOf(cifarResnet(20, { classes: 2 })) })
  const labels = ['cat', 'dog']
  const { model } = await convertModel(path, { labels, height: 48, width: 40, mode: 'band-limited', frequencies: 8 })
  t.like(model.definition, { band: 8, input: { height: 48, width: 40 } })
  t.deepEqual((await model.predict(jpegs[0] as Buffer))[0]?.classes.map(({ label }) => label).toSorted(), labels)
  model.dispose()
  const wrong = ['cat', 'dog', 'cow']
  await failsWith(t, () => convertModel(path, { labels: wrong }), { code: 'LABELS_MISMATCH', message: '2 names' })
  await failsWith(t, () => convertModel(path, { preprocessing: 'tf' }), { code: 'INVALID_OPTION' })
})

test('of weights of another network everything that does not fit is told, with near names', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  const weights = await weightsOf(cifarResnet(20))
  const changed = weights
    .filter(({ name }) => name !== 'layer1.1.bn2.bias')
    .map(tensor => ({ ...tensor, name: tensor.name.replace('layer2.0.bn1.weight', 'layer2.0.norm1.weight') }))
    .map(tensor =>
      tensor.name === 'conv1.weight' ? { ...tensor, shape: [16, 3, 1, 9], values: tensor.values } : tensor,
    )
  await writeSafetensors(path, {
    tensors: [...changed, { name: 'ema.decay', shape: [1], values: new Float32Array(1) }],
  })
  const error = await failsWith(t, () => convertModel(path), { code: 'INVALID_WEIGHTS', path })
  for (const part of [
    'expected the tensors of cifar-resnet20',
    'conv1.weight of shape [16, 3, 1, 9] instead of [16, 3, 3, 3]',
    'no layer1.1.bn2.bias',
    'no layer2.0.bn1.weight (perhaps layer2.0.norm1.weight)',
    'an unknown ema.decay',
  ]) {
    t.true(error.message.includes(part), `${part}: ${error.message}`)
  }
  t.like(error.cause as LoadReport, { missing: ['layer1.1.bn2.bias', 'layer2.0.bn1.weight'] })
})

test('a network that none here is, is told by its stages', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  await writeSafetensors(path, {
    tensors: await weightsOf(resnet({ stages: [2, 3, 1].map(blocks => ({ blocks, channels: 8 })) })),
  })
  const expected = { code: 'INVALID_WEIGHTS', path, message: 'found stages of 2, 3, 1 basic blocks' } as const
  await failsWith(t, () => convertModel(path), expected)
  await writeSafetensors(path, { tensors: [{ name: 'a', shape: [1], values: Float32Array.of(1) }] })
  await failsWith(t, () => convertModel(path), { code: 'INVALID_WEIGHTS', message: 'found no stages called layer1…' })
})

test('weights that are not finite, and files that are cut, are refused', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  const weights = await weightsOf(cifarResnet(20))
  ;(weights[3] as Tensor).values[2] = NaN
  await writeSafetensors(path, { tensors: weights })
  await failsWith(t, () => convertModel(path), { code: 'INVALID_WEIGHTS', path, message: `${weights[3]?.name}` })
  await writeFile(path, Buffer.alloc(40, 0xff))
  await failsWith(t, () => convertModel(path), { code: 'INVALID_WEIGHTS', path })
  await failsWith(t, () => convertModel(join(path, 'none')), { code: 'FILE_UNREADABLE' })
})

test('half floats are read as they are', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  const weights = await weightsOf(cifarResnet(20))
  await writeFile(path, inBfloat16(weights))
  const { model } = await convertModel(path)
  const found = await model.parameters()
  for (const [index, { name, values }] of found.entries()) {
    const bits = new Uint32Array((weights[index] as Tensor).values.buffer.slice(0))
    const expected = new Float32Array(Uint32Array.from(bits, value => value & 0xffff0000).buffer)
    t.deepEqual([...values], name.endsWith('num_batches_tracked') ? [...values] : [...expected], name)
  }
  model.dispose()
  t.is((await readSafetensors(path)).tensors.length, weights.length)
})

/** A safetensors file whose floats have lost their lower halves. */
function inBfloat16(tensors: readonly Tensor[]): Buffer {
  const header: Record<string, object> = {}
  const parts: Buffer[] = []
  let at = 0
  for (const { name, shape, values } of tensors) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length)
    const part = Buffer.from(Uint16Array.from(bits, value => value >>> 16).buffer)
    header[name] = { dtype: 'BF16', shape, data_offsets: [at, at + part.length] }
    parts.push(part)
    at += part.length
  }
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(json.length))
  return Buffer.concat([length, json, ...parts])
}
