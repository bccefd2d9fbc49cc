/** Bodies below any prefix, heads of any name: what PyTorch's users save. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  cifarResnet,
  convertModel,
  createModel,
  loadPretrained,
  replaceHead,
  writeSafetensors,
  type Tensor,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegs, temporaryFolder } from '../fixtures/pictures.js'

/** Tensors are many numbers: their bytes are compared. */
function sameTensors(t: ExecutionContext, found: readonly Tensor[], expected: readonly Tensor[]): void {
  const told = ({ name, shape }: Tensor) => `${name} [${shape.join()}]`
  t.deepEqual(found.map(told), expected.map(told))
  const bytes = ({ values }: Tensor) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  for (const [at, tensor] of found.entries()) t.true(bytes(tensor).equals(bytes(expected[at] as Tensor)), tensor.name)
}

async function weights(classes = 3): Promise<{ body: Tensor[]; head: Tensor[]; all: Tensor[] }> {
  using model = createModel(cifarResnet(20, { classes }), { seed: 4 })
  const all = await model.parameters()
  const isHead = ({ name }: Tensor) => name.startsWith('linear.')
  return { all, body: all.filter(tensor => !isHead(tensor)), head: all.filter(isHead) }
}

const renamed = (tensors: readonly Tensor[], name: (own: string) => string) =>
  tensors.map(tensor => ({ ...tensor, name: name(tensor.name) }))
const below = (prefix: string, tensors: readonly Tensor[]) => renamed(tensors, name => prefix + name)
const matrix = (name: string, outputs: number, inputs: number): Tensor[] => [
  { name: `${name}.weight`, shape: [outputs, inputs], values: new Float32Array(outputs * inputs).fill(0.01) },
  { name: `${name}.bias`, shape: [outputs], values: new Float32Array(outputs) },
]

const named: [prefix: string, head: string][] = [
  ['', 'fc.1'],
  ['', 'head'],
  ['', 'classifier'],
  ['backbone.', 'head.fc'],
  ['net.', 'net.classifier.1'],
  ['encoder.', 'fc'],
  ['module.model.', 'module.model.fc'],
  ['module.model.backbone.', 'module.model.head.0'],
]

for (const [prefix, head] of named) {
  test(`a body below "${prefix}" with the head ${head} is the network with the names that it has here`, async t => {
    const path = join(await temporaryFolder(t), 'weights.safetensors')
    const { all, body, head: own } = await weights()
    const tensors = [...renamed(own, name => name.replace(/^linear/, head)), ...below(prefix, body)]
    await writeSafetensors(path, { tensors })
    const { model, network, report } = await convertModel(path)
    t.is(network, 'cifar-resnet20')
    t.is(report.prefix, prefix)
    sameTensors(t, await model.parameters(), all)
    model.dispose()
  })
}

test('a head without a bias adds nothing', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  const { body, head } = await weights()
  await writeSafetensors(path, { tensors: [...body, head[0] as Tensor] })
  const { model } = await convertModel(path)
  const bias = (await model.parameters()).find(({ name }) => name === 'linear.bias')
  t.deepEqual(bias?.values, new Float32Array(3))
  model.dispose()
})

test('a body alone ends in pooling, and takes a new head', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  const { body } = await weights()
  await writeSafetensors(path, { tensors: below('backbone.', body) })
  const { model } = await convertModel(path)
  t.is(model.classes, 64)
  using tuned = await replaceHead(model, { classes: ['cat', 'dog'] })
  t.is(tuned.classes, 2)
  sameTensors(t, (await tuned.parameters()).slice(0, body.length), body)
  t.is((await tuned.predict(jpegs[0] as Buffer))[0]?.logits.length, 2)
  model.dispose()
})

test('a head of several layers is refused by a conversion, and left out by what takes a new one', async t => {
  const path = join(await temporaryFolder(t), 'weights.safetensors')
  const { body } = await weights()
  const layers = [...matrix('fc.0', 32, 64), ...matrix('fc.3', 5, 32)]
  await writeSafetensors(path, { tensors: [...body, ...layers] })
  const found = 'found several layers, fc.0, fc.3; jpegnet train --from puts a new head on such a body'
  await failsWith(t, () => convertModel(path), { code: 'INVALID_WEIGHTS', path, message: found })
  const { model } = await loadPretrained(path)
  t.is(model.classes, 64)
  sameTensors(t, await model.parameters(), body)
  model.dispose()
})

test('a network is found by a folder or a package that holds it, or the line is told that installs it', async t => {
  const folder = await temporaryFolder(t)
  const { all } = await weights()
  const inPackage = join(folder, 'node_modules/some-network/weights')
  await mkdir(inPackage, { recursive: true })
  await writeFile(join(folder, 'node_modules/some-network/package.json'), '{"name":"some-network"}')
  await writeSafetensors(join(inPackage, 'network.safetensors'), { tensors: all })
  for (const [name, packageName] of [
    ['node_modules/some-network', undefined],
    [join(folder, 'node_modules/some-network/weights'), undefined],
    ['some-network', 'some-network'],
  ] as const) {
    const { model, file, package: found } = await loadPretrained(name, { directory: folder })
    t.is(found, packageName)
    t.is(file, join(inPackage, 'network.safetensors'))
    t.is(model.classes, 3)
    model.dispose()
  }
  await failsWith(t, () => loadPretrained('nowhere/at-all', { directory: folder }), {
    code: 'FILE_NOT_FOUND',
    message: 'expected a file, a folder, an installed npm package or one of resnet50, found none',
  })
  await mkdir(join(folder, 'empty'))
  await failsWith(t, () => loadPretrained('empty', { directory: folder }), {
    code: 'FILE_NOT_FOUND',
    message: 'expected one network in it: a model.json, a .safetensors or a .model, found none',
  })
})
