import { readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { readSafetensors, writeSafetensors, type Tensor } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { fixture, temporaryFolder } from '../fixtures/pictures.js'

const tensors: Tensor[] = [
  { name: 'b.weight', shape: [2, 3], values: Float32Array.of(1, -2, 0.1, 1e-38, 3e38, -0) },
  { name: 'a.bias', shape: [1], values: Float32Array.of(7) },
]

test('what is written is read back, bit for bit', async t => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  await writeSafetensors(path, { tensors, metadata: { who: 'me', ü: '„x“' } })
  const read = await readSafetensors(path)
  t.deepEqual(read.metadata, { who: 'me', ü: '„x“' })
  t.deepEqual(read.tensors, tensors)
})

test("PyTorch's files are read with names, shapes and metadata", async t => {
  const { tensors, metadata } = await readSafetensors(fixture('reference/paper_resnet_io.safetensors'))
  t.true('mean' in metadata)
  const labels = tensors.find(({ name }) => name === 'labels')
  t.deepEqual(labels?.shape, [10])
  t.deepEqual([...(labels?.values ?? [])], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a file that is not there is named', async t => {
  const path = join(await temporaryFolder(t), 'none.safetensors')
  await failsWith(t, () => readSafetensors(path), { code: 'FILE_NOT_FOUND', path })
})

test('a file of another kind is named', async t => {
  const path = fixture('jpegs/0.jpg')
  await failsWith(t, () => readSafetensors(path), { code: 'INVALID_WEIGHTS', path, expected: 'a safetensors file' })
})

test('a file that ends early is named', async t => {
  const path = join(await temporaryFolder(t), 'a.safetensors')
  await writeSafetensors(path, { tensors })
  await writeFile(path, (await readFile(path)).subarray(0, -1))
  await failsWith(t, () => readSafetensors(path), { code: 'INVALID_WEIGHTS', path })
})

test('a write that fails leaves the old file and nothing beside it', async t => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'a.safetensors')
  await writeSafetensors(path, { tensors })
  const before = await readFile(path)
  const wrong = [{ name: 'c', shape: [3], values: Float32Array.of(1, 2) }]
  await failsWith(t, () => writeSafetensors(path, { tensors: wrong }), { code: 'INVALID_WEIGHTS', path: 'c' })
  await failsWith(t, () => writeSafetensors(path, { tensors: [...tensors, ...tensors] }), { code: 'INVALID_WEIGHTS' })
  t.deepEqual(await readFile(path), before)
  t.deepEqual(await readdir(folder), ['a.safetensors'])
})

test('a path in no folder cannot be written', async t => {
  const path = join(await temporaryFolder(t), 'no', 'a.safetensors')
  await failsWith(t, () => writeSafetensors(path, { tensors }), { code: 'WRITE_FAILED', path })
})

test('what are no tensors is refused', async t => {
  const wrong = [{ name: 'a', shape: [1], values: [1] }] as never
  await failsWith(t, () => writeSafetensors('a.safetensors', { tensors: wrong }), {
    code: 'INVALID_OPTION',
    path: 'writeSafetensors.tensors.0.values',
    expected: 'a Float32Array',
  })
})
