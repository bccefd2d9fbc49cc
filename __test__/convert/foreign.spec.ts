/** Files of other programs are refused by what they are, with what makes a file of each that is read here. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { convertModel, loadModel, readSafetensors } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { fixture, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const at = (name: string) => fixture(`foreign/${name}`)
const out = (name: string) => JSON.stringify(at(name).replace(/\.\w+$/, '.safetensors'))
const load = (name: string, trusted: boolean) =>
  `torch.load(${JSON.stringify(at(name))}, map_location="cpu", weights_only=${trusted ? 'False' : 'True'})`

/** What PyTorch, Keras, NumPy and ONNX wrote, and what the refusal of each must contain. */
const known: Record<string, string[]> = {
  'state.pth': ['a pickle, which can run code', `w = ${load('state.pth', false)}; s.save_file(`, out('state.pth')],
  'legacy.pth': ['a pickle, which can run code', `w = ${load('legacy.pth', false)}; s.save_file(`, out('legacy.pth')],
  'checkpoint.pth': ['a pickle, which can run code', `w = ${load('checkpoint.pth', false)}["model"]; `],
  'module.pth': [
    'a pickle of a whole module',
    'only if you trust it',
    `${load('module.pth', true)}["net"].state_dict();`,
  ],
  'script.pt': ['a program of TorchScript', `torch.jit.load(${JSON.stringify(at('script.pt'))}, map_location="cpu")`],
  'exported.pt2': [
    'an exported program of PyTorch',
    `torch.export.load(${JSON.stringify(at('exported.pt2'))}).state_dict`,
  ],
  'arrays.npz': [
    'arrays of NumPy',
    `s.save_file(dict(numpy.load(${JSON.stringify(at('arrays.npz'))})), ${out('arrays.npz')})`,
  ],
  'net.onnx': ['a network of ONNX', 'convert the weights that it was exported from, or see "From ONNX"'],
  'net.keras': [
    'a model of Keras',
    `keras.models.load_model(${JSON.stringify(at('net.keras'))}, compile=False)`,
    'net.json',
  ],
  'net.h5': ['a model of Keras', `keras.models.load_model(${JSON.stringify(at('net.h5'))}, compile=False)`, 'net.json'],
  'net.weights.h5': ['an HDF5 file of weights without their layers', 'm.load_weights('],
}

for (const [name, texts] of Object.entries(known)) {
  test(`${name} is told by its contents, with what to do about it`, async t => {
    for (const read of [readSafetensors, convertModel]) {
      const { message } = await failsWith(t, () => read(at(name)), { code: 'INVALID_WEIGHTS', path: at(name) })
      t.true(message.startsWith(`${at(name)}: expected a safetensors file, found `), message)
      for (const text of texts) t.true(message.includes(text), `${message} has not ${text}`)
    }
    const { message } = await failsWith(t, () => loadModel(at(name)), { code: 'INVALID_WEIGHTS', path: at(name) })
    t.true(message.startsWith(`${at(name)}: expected a model that jpegnet saved, found ${texts[0]}`), message)
  })
}

test('files that are no weights at all are told, too', async t => {
  const folder = await temporaryFolder(t)
  const made: Record<string, [string | Buffer, RegExp]> = {
    'photo.model': [jpegs[0] as Buffer, /found a JPEG file$/],
    'lfs.model': ['version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /a pointer of Git LFS .*git lfs pull/],
    'page.model': ['<!DOCTYPE html><title>Sign in</title>', /a page of the web in place of the file/],
    'lite.model': [Buffer.from('\x1c\0\0\0TFL3', 'latin1'), /a model for TensorFlow Lite/],
    'model.json': ['{"modelTopology": {}}', /a Keras model for TensorFlow\.js, which `jpegnet convert`/],
    'cut.pth': [Buffer.from('PK\x03\x04rest of an archive', 'latin1'), /a zip archive/],
    'frozen.pb': ['\n\x0e\n\x05input', /a graph of TensorFlow/],
    'a.npy': [Buffer.from('\x93NUMPY\x01\0', 'latin1'), /one array of NumPy/],
  }
  for (const [name, [content, said]] of Object.entries(made)) {
    await writeFile(join(folder, name), content)
    const { message } = await failsWith(t, () => loadModel(join(folder, name)), { code: 'INVALID_WEIGHTS' })
    t.regex(message, said)
  }
  await mkdir(join(folder, 'saved'))
  await writeFile(join(folder, 'saved/saved_model.pb'), '')
  const { message } = await failsWith(t, () => convertModel(join(folder, 'saved')), { code: 'FILE_UNREADABLE' })
  t.regex(message, /a SavedModel of TensorFlow.*tf_keras as keras/)
})
