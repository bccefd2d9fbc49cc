import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import {
  createModel,
  jpegImages,
  loadModel,
  readSafetensors,
  resnet,
  sgd,
  writeSafetensors,
  type Safetensors,
} from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { fixture, jpegPaths, temporaryFolder, twoClasses } from '../fixtures/pictures.js'

const definition = resnet({ stages: [{ blocks: 1, channels: 4 }], classes: 2, frequencies: 6 })
const labels = ['even', 'odd']

/** A model's file, and the folder it lies in. */
async function saved(t: ExecutionContext): Promise<{ folder: string; path: string }> {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'a.model')
  using model = createModel(definition, { seed: 1, labels })
  await model.save(path)
  return { folder, path }
}

test('a model comes back from its file as it was', async t => {
  const path = join(await temporaryFolder(t), 'a.model')
  using model = createModel(definition, { seed: 1, labels })
  await model.save(path)
  using loaded = await loadModel(path)
  t.deepEqual(loaded.definition, model.definition)
  t.deepEqual(loaded.labels, labels)
  t.is(loaded.training, undefined)
  t.deepEqual(await loaded.parameters(), await model.parameters())
  t.deepEqual(await loaded.predict(jpegPaths), await model.predict(jpegPaths))
})

test('a mode given when a model is loaded replaces its own', async t => {
  const { path } = await saved(t)
  using model = await loadModel(path)
  using other = await loadModel(path, { frequencies: 2 })
  t.deepEqual(await other.predict(jpegPaths), await model.predict(jpegPaths, { frequencies: 2 }))
  t.notDeepEqual(await other.predict(jpegPaths), await model.predict(jpegPaths))
  await failsWith(t, () => loadModel(path, { frequencies: 16 }), {
    code: 'INVALID_OPTION',
    path: 'loadModel.frequencies',
  })
})

test("a file holds PyTorch's names, and all else in its metadata", async t => {
  const { path } = await saved(t)
  const { tensors, metadata } = await readSafetensors(path)
  t.true(tensors.some(({ name }) => name === 'layer1.0.conv1.weight'))
  t.false(tensors.some(({ name }) => name.startsWith('optimizer.')))
  t.deepEqual(Object.keys(metadata).sort(), [
    'format',
    'jpegnet.definition',
    'jpegnet.labels',
    'jpegnet.readBy',
    'jpegnet.version',
    'jpegnet.writtenBy',
  ])
  t.deepEqual(JSON.parse(metadata['jpegnet.labels'] ?? ''), labels)
  t.deepEqual(JSON.parse(metadata['jpegnet.definition'] ?? ''), definition)
})

test('the optimizer and the state of a training go into the file if wished', async t => {
  const path = join(await temporaryFolder(t), 'a.model')
  using model = createModel(definition)
  await model.fit(jpegImages(twoClasses), { epochs: 2, batchSize: 4, optimizer: sgd({ learningRate: 0.01 }) })
  await model.save(path, { optimizer: true })
  using loaded = await loadModel(path)
  t.deepEqual(loaded.training, model.training)
  t.deepEqual([loaded.training?.epoch, loaded.training?.step, loaded.training?.history.length], [2, 6, 2])
  const { tensors } = await readSafetensors(path)
  const velocity = tensors.find(({ name }) => name === 'optimizer.conv1.weight.velocity')
  t.true(velocity?.values.some(value => value !== 0))
  await model.save(path)
  using plain = await loadModel(path)
  t.is(plain.training, undefined)
})

test('a save that fails leaves the old file and nothing beside it', async t => {
  const { folder, path } = await saved(t)
  await mkdir(join(folder, 'taken', 'full'), { recursive: true })
  const before = await readFile(path)
  using model = createModel(definition, { seed: 2 })
  await failsWith(t, () => model.save(join(folder, 'taken')), { code: 'WRITE_FAILED', path: join(folder, 'taken') })
  await failsWith(t, () => model.save(join(path, 'a.model')), { code: 'WRITE_FAILED' })
  await failsWith(t, () => model.save(join(folder, 'no', 'a.model')), { code: 'WRITE_FAILED' })
  t.deepEqual(await readFile(path), before)
  t.deepEqual((await readdir(folder)).sort(), ['a.model', 'taken'])
})

const refuses = test.macro(async (t, damage: (file: Safetensors) => Safetensors, expected: Omit<Expected, 'code'>) => {
  const { path } = await saved(t)
  await writeSafetensors(path, damage(await readSafetensors(path)))
  const error = await failsWith(t, () => loadModel(path), { code: 'INVALID_CHECKPOINT', ...expected })
  t.true(error.message.startsWith(path), error.message)
})

const withMetadata = (changes: Record<string, string>) => (file: Safetensors) => ({
  ...file,
  metadata: { ...file.metadata, ...changes },
})
const withoutMetadata = (key: string) => (file: Safetensors) => ({
  ...file,
  metadata: Object.fromEntries(Object.entries(file.metadata).filter(([name]) => name !== key)),
})

test('a file of another version is refused', refuses, withMetadata({ 'jpegnet.version': '99' }), {
  expected: 'version 1',
  found: 'version 99',
})
test(
  'a file of a newer version says which version reads it',
  refuses,
  withMetadata({ 'jpegnet.version': '2', 'jpegnet.writtenBy': '8.1.0', 'jpegnet.readBy': '8.0.0' }),
  { found: 'one of format version 2 that jpegnet 8.1.0 wrote, which jpegnet 8.0.0 or newer reads' },
)
test(
  'and so does one of this format that an older version would misread',
  refuses,
  withMetadata({ 'jpegnet.writtenBy': '0.30.0', 'jpegnet.readBy': '0.10.0' }),
  { found: 'jpegnet 0.10.0 or newer reads' },
)
test('a file without those versions is read, as one of before', async t => {
  const { path } = await saved(t)
  const { tensors, metadata } = await readSafetensors(path)
  const { 'jpegnet.readBy': _, 'jpegnet.writtenBy': __, ...before } = metadata
  await writeSafetensors(path, { tensors, metadata: before })
  using model = await loadModel(path)
  t.deepEqual(model.definition, definition)
})
test('a bit that changed on the disk is found', async t => {
  const { path } = await saved(t)
  const bytes = await readFile(path)
  bytes[bytes.length - 9] = (bytes[bytes.length - 9] as number) ^ 4
  await writeFile(path, bytes)
  await failsWith(t, () => loadModel(path), { code: 'INVALID_WEIGHTS', message: 'it was damaged after it was written' })
})
test('weights without a definition are no model', refuses, file => ({ ...file, metadata: {} }), {
  expected: 'a model that jpegnet saved',
})
test('a model without a definition is refused', refuses, withoutMetadata('jpegnet.definition'), {
  expected: 'jpegnet.definition',
  found: 'none',
})
test('a definition that is no JSON is refused', refuses, withMetadata({ 'jpegnet.definition': '{' }), {
  expected: 'JSON',
})
test(
  'a definition with damaged options is refused in place',
  refuses,
  withMetadata({ 'jpegnet.definition': JSON.stringify({ ...definition, input: { ...definition.input, width: -8 } }) }),
  { message: 'jpegnet.definition.input.width', found: '-8' },
)
test('labels that are no names are refused', refuses, withMetadata({ 'jpegnet.labels': '[1, 2]' }), {
  message: 'jpegnet.labels.0',
})
test('labels of another number than classes are refused', refuses, withMetadata({ 'jpegnet.labels': '["one"]' }), {
  expected: '2 names',
  found: '1',
})
test('a damaged state of training is refused', refuses, withMetadata({ 'jpegnet.training': '{"epoch":-1}' }), {
  message: 'jpegnet.training.epoch',
})
test(
  'tensors of another shape than the definition says are refused by name',
  refuses,
  withMetadata({
    'jpegnet.definition': JSON.stringify(resnet({ stages: [{ blocks: 1, channels: 8 }], classes: 2 })),
    'jpegnet.labels': JSON.stringify(labels),
  }),
  { found: 'conv1.weight of shape [4, 3, 3, 3] instead of [8, 3, 3, 3]' },
)
test(
  'a lacking tensor is refused by name',
  refuses,
  file => ({ ...file, tensors: file.tensors.filter(({ name }) => name !== 'fc.bias') }),
  { found: 'no fc.bias' },
)
test(
  'an unknown tensor is refused by name',
  refuses,
  file => ({ ...file, tensors: [...file.tensors, { name: 'extra', shape: [], values: new Float32Array(1) }] }),
  { found: 'an unknown extra' },
)
test(
  "an optimizer's tensor of another network is refused by name",
  refuses,
  file => {
    const velocity = { name: 'optimizer.conv1.weight.velocity', shape: [1], values: new Float32Array(1) }
    const step = { name: 'optimizer.step', shape: [], values: Float32Array.of(1) }
    return { ...file, tensors: [...file.tensors, step, velocity] }
  },
  { message: 'optimizer.conv1.weight.velocity' },
)

const refusesFile = test.macro(async (t, path: string, expected: Expected) => {
  await failsWith(t, () => loadModel(path), { path, ...expected })
})
test('a JPEG file is no model', refusesFile, fixture('jpegs/0.jpg'), { code: 'INVALID_WEIGHTS' })
test('a folder is no model', refusesFile, fixture('jpegs'), { code: 'FILE_UNREADABLE' })
test('a file that is not there is no model', refusesFile, fixture('jpegs/none.model'), { code: 'FILE_NOT_FOUND' })
