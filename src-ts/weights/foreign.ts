/** Files of other programs, told by their contents, and what makes a file of each that is read here. */
import { open, readdir, type FileHandle } from 'node:fs/promises'
import { entriesOf } from './zip.js'

/** Bytes of a file's beginning by which it is known, and of a pickle that are looked through. */
const [BEGINNING, LOOKED_THROUGH] = [4096, 2 ** 22]

/** Names that programs give to the weights in what they save beside other things, the most probable first. */
const KEYS = ['state_dict', 'model_state_dict', 'model', 'net', 'network', 'weights', 'params', 'ema']

/**
 * What a file or folder is that is no safetensors file, in words after "found", with what to do about it: lines of Python or a command.
 *
 * @returns nothing for a file of no kind that is known here
 */
export async function foreignFile(path: string): Promise<string | undefined> {
  const file = await open(path).catch(() => undefined)
  if (!file) return undefined
  try {
    if ((await file.stat()).isDirectory()) return await folder(path)
    const start = await read(file, 0, BEGINNING)
    const { size } = await file.stat()
    const zipped = start.subarray(0, 4).toString('latin1') === 'PK\x03\x04'
    return (await (zipped ? archive(file, size, path) : single(file, start, path))) ?? undefined
  } catch {
    // What cannot be read is told by who reads it.
    return undefined
  } finally {
    await file.close()
  }
}

/** A folder as programs save models in. */
async function folder(path: string): Promise<string> {
  const names = await readdir(path)
  if (names.includes('saved_model.pb')) return savedModel(path)
  const inside = names.find(name => name === 'model.json' || name.endsWith('.safetensors'))
  return inside === undefined ? 'a folder' : `a folder; its ${inside} is the file`
}

function savedModel(path: string): string {
  const lines = kerasLines(path, 'tf_keras')
  return `a SavedModel of TensorFlow, which has no layers but operations; the .keras or .h5 file of the same model converts, and if Keras 2 saved this one, these lines of Python (pip install tf_keras) make one that does: ${lines}`
}

/** A file that is no archive. */
async function single(file: FileHandle, start: Buffer, path: string): Promise<string | undefined> {
  const text = start.toString('latin1')
  if (start[0] === 0xff && start[1] === 0xd8) return 'a JPEG file'
  if (text.startsWith('\x89PNG')) return 'a PNG file'
  if (text.startsWith('version https://git-lfs')) {
    return 'a pointer of Git LFS in place of the file, which `git lfs pull` in its repository fetches'
  }
  if (/^\s*<(!doctype html|html)/i.test(text)) {
    return 'a page of the web in place of the file: it was downloaded from the address of its page'
  }
  if (text.startsWith('\x89HDF\r\n\x1a\n')) return hdf5(file, path)
  if (text.slice(4, 8) === 'TFL3') {
    return 'a model for TensorFlow Lite, which has no layers to train but operations; convert the Keras or PyTorch model that it was made of'
  }
  if (text.startsWith('GGUF')) return 'a GGUF file, which is for language models'
  if (text.startsWith('\x93NUMPY')) return 'one array of NumPy; a network has many, each with its name'
  if (text.startsWith('\x1f\x8b')) return 'a gzip archive; unpack it'
  if (start[0] === 8 && (/\.onnx$/i.test(path) || /^\x08.\x12.(pytorch|tf2onnx|keras2onnx|jpegnet)/s.test(text))) {
    return 'a network of ONNX, whose layers its export merged; convert the weights that it was exported from, or see "From ONNX" in docs/converting.md'
  }
  if (/\.pb$/i.test(path)) {
    return 'a graph of TensorFlow, which has no layers but operations; the .keras or .h5 file of the same model converts'
  }
  // Protocols 2 to 5 of pickles begin so.
  if (start[0] === 0x80 && start[1] !== undefined && start[1] >= 2 && start[1] <= 5) {
    return pickle((await read(file, 0, LOOKED_THROUGH)).toString('latin1'), path)
  }
  if (/^\s*\{/.test(text) && text.includes('"modelTopology"')) {
    return 'a Keras model for TensorFlow.js, which `jpegnet convert` makes a model of'
  }
  return undefined
}

/** A zip archive, as PyTorch, Keras and NumPy save theirs. */
async function archive(file: FileHandle, size: number, path: string): Promise<string> {
  const entries = await entriesOf(file, size)
  const names = entries.map(({ name }) => name)
  const has = (ending: string) => names.some(name => name.endsWith(ending))
  if (names.includes('config.json') && has('.weights.h5')) {
    return `a model of Keras; these lines of Python make one that converts: ${kerasLines(path)}`
  }
  if (has('.npy')) {
    const lines = `import numpy, safetensors.numpy as s; s.save_file(dict(numpy.load(${quoted(path)})), ${quoted(outOf(path))})`
    return `arrays of NumPy; if they have PyTorch's names, these lines of Python make safetensors of them: ${lines}`
  }
  if (has('/constants.pkl') && names.some(name => name.includes('/code/'))) {
    return `a program of TorchScript; ${torchLines(path, `torch.jit.load(${quoted(path)}, map_location="cpu").state_dict()`)}`
  }
  if (has('/models/model.json') || has('archive_format')) {
    return `an exported program of PyTorch; ${torchLines(path, `torch.export.load(${quoted(path)}).state_dict`)}`
  }
  const data = entries.find(({ name }) => name.endsWith('/data.pkl'))
  if (data) return pickle((await read(file, data.at, Math.min(data.size, LOOKED_THROUGH))).toString('latin1'), path)
  return 'a zip archive; unpack it'
}

/** What `torch.save` wrote, by the names that its pickle holds. */
function pickle(text: string, path: string): string {
  const key = KEYS.find(
    key => text.includes(`X${lengthOf(key)}\0\0\0${key}`) || text.includes(`\x8c${lengthOf(key)}${key}`),
  )
  const inside = key === undefined ? '' : `["${key}"]`
  const load = (trusted: boolean) =>
    `torch.load(${quoted(path)}, map_location="cpu", weights_only=${trusted ? 'False' : 'True'})${inside}`
  if (text.includes('torch.nn.modules.')) {
    const condition = 'only if you trust it, and where its classes can be imported'
    return `a pickle of a whole module, which runs code when it is read; ${condition}, ${torchLines(path, `${load(true)}.state_dict()`)}`
  }
  return `a pickle, which can run code when it is read; ${torchLines(path, load(false))}`
}

function lengthOf(text: string): string {
  return String.fromCharCode(text.length)
}

/** Lines that save what an expression of Python gives, tensors by their names. */
function torchLines(path: string, weights: string): string {
  const tensors = '{k: v.clone().contiguous() for k, v in w.items() if torch.is_tensor(v)}'
  const lines = `import torch, safetensors.torch as s; w = ${weights}; s.save_file(${tensors}, ${quoted(outOf(path))})`
  return `these lines of Python make safetensors of it: ${lines}`
}

/** A file of Keras, with its layers or of weights alone. */
async function hdf5(file: FileHandle, path: string): Promise<string> {
  const { size } = await file.stat()
  for (let at = 0; at < size; at += LOOKED_THROUGH) {
    // Parts overlap, lest the words lie across an end.
    const text = (await read(file, at, LOOKED_THROUGH + 32)).toString('latin1')
    if (text.includes('model_config')) {
      return `a model of Keras; these lines of Python make one that converts: ${kerasLines(path)}`
    }
  }
  return `an HDF5 file of weights without their layers; in Python, make the model, m.load_weights(${quoted(path)}), m.save("whole.keras"), and convert that`
}

/** Lines that write a model of Keras as TensorFlow.js stores one, with nothing but Keras. */
function kerasLines(path: string, keras = 'keras'): string {
  const name = outOf(path).replace(/\.safetensors$/, '')
  const base = name.replace(/^.*[/\\]/, '')
  return [
    `import json, ${keras === 'keras' ? keras : `${keras} as keras`}, numpy`,
    `m = keras.models.load_model(${quoted(path)}, compile=False)`,
    'w = [(getattr(v, "path", v.name).split(":")[0], numpy.asarray(v)) for v in m.weights]',
    `open(${quoted(`${name}.bin`)}, "wb").write(b"".join(a.astype("<f4").tobytes() for _, a in w))`,
    `json.dump({"format": "layers-model", "modelTopology": {"model_config": json.loads(m.to_json())}, "weightsManifest": [{"paths": [${quoted(`${base}.bin`)}], "weights": [{"name": k, "shape": a.shape, "dtype": "float32"} for k, a in w]}]}, open(${quoted(`${name}.json`)}, "w"))`,
  ].join('; ')
}

/** The safetensors file beside a file. */
function outOf(path: string): string {
  return `${path.replace(/[/\\]+$/, '').replace(/\.\w+$/, '')}.safetensors`
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at)
  return buffer.subarray(0, bytesRead)
}
