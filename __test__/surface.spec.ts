/** Every function of the package, given what is no value of its parameters. */
import { join } from 'node:path'
import test from 'ava'
import * as jpegnet from '../src-ts/index.js'
import { folderOf, inTwoFolders, jpegPaths, jpegs, temporaryFolder } from './fixtures/pictures.js'

const { ModelError } = jpegnet

/** What people pass by mistake. */
const wrong: Record<string, unknown> = {
  nothing: undefined,
  null: null,
  'a number': 5.5,
  NaN: NaN,
  'no text': '',
  text: 'no such thing',
  true: true,
  'a symbol': Symbol('x'),
  'a bigint': 10n,
  'an object': {},
  'an object of another kind': { type: 'x', path: 3, name: null },
  'an object without a prototype': Object.create(null),
  'no entries': [],
  'entries of null': [null],
  'a map': new Map(),
  'a function': () => 1,
  bytes: new Uint8Array(3),
  'a date': new Date(0),
  'a promise': Promise.resolve(5),
}

const [path] = jpegPaths as [string]
const [jpeg] = jpegs as [Buffer]
const model = jpegnet.createModel(jpegnet.paperResnet({ classes: 2 }), { labels: ['even', 'odd'] })
const images = jpegs.map((jpeg, index) => ({ jpeg, label: index % 2 ? 'odd' : 'even' }))
const source = jpegnet.jpegImages(images)
const dataset = await jpegnet.loadDataset(source)
const evaluation = await model.evaluate(dataset)
const coefficients = await jpegnet.jpegCoefficients(path)
const tensors = await model.parameters()
const size = { classes: 2, width: 32, height: 32 }
const layer = jpegnet.relu()

/** Good arguments of each function; those that write do so in a folder of the test's. */
const good: Record<string, (folder: string) => unknown[]> = {
  add: () => [{ branches: [layer, []] }],
  residual: () => [{ body: layer }],
  batchNorm: () => [{}],
  clip: () => [{ from: 0, to: 6 }],
  hardTanh: () => [{}],
  relu6: () => [{}],
  conv2d: () => [{ filters: 8, kernel: 3 }],
  globalAveragePool: () => [],
  leakyRelu: () => [{ slope: 0.1 }],
  linear: () => [{ features: 2 }],
  averagePool: () => [{ kernel: 2 }],
  maxPool: () => [{ kernel: 2 }],
  relu: () => [{}],
  sequential: () => [[layer]],
  subsample: () => [{ channels: 8 }],
  cifarResnet: () => [{ depth: 20 }],
  paperResnet: () => [size],
  resnet: () => [{ ...size, stages: [1] }],
  resnet18: () => [size],
  resnet34: () => [size],
  resnet50: () => [size],
  resnet101: () => [size],
  resnet152: () => [size],
  namedNetwork: () => ['paper', size],
  defineModel: () => [{ name: 'x', input: { width: 32, height: 32 }, layers: [layer] }],
  createModel: () => [jpegnet.paperResnet(size), { seed: 1 }],
  loadModel: folder => [join(folder, 'a.model'), {}],
  replaceHead: () => [model, { classes: 3 }],
  loadPretrained: folder => [join(folder, 'a.model'), {}],
  findPackaged: folder => ['resnet50', folder],
  recommend: () => [dataset, {}],
  recommendTuning: () => [dataset, model, {}],
  suitsPretrained: () => [dataset.survey()],
  convertModel: folder => [join(folder, 'a.safetensors'), { network: 'paper' }],
  modelCard: () => [model],
  modelCardMarkdown: () => [jpegnet.modelCard(model)],
  exportOnnx: () => [model, {}],
  loadDataset: () => [source, {}],
  findDataset: folder => [folder, {}],
  jpegFolder: folder => [folder, {}],
  jpegFiles: () => [[{ file: path, label: 'a' }], {}],
  jpegImages: () => [images, {}],
  jpegList: () => ['a.csv', {}],
  jpegStream: () => [images, {}],
  jpegTar: () => ['a.tar', {}],
  jpegCoefficients: () => [jpeg, {}],
  readCoefficients: folder => [join(folder, 'c.safetensors')],
  writeCoefficients: folder => [join(folder, 'c.safetensors'), coefficients],
  transformJpeg: () => [coefficients, {}],
  writeJpeg: () => [coefficients, {}],
  inspectDataset: () => [source, {}],
  inspectJpeg: () => [jpeg, {}],
  centerCrop: () => [32],
  cover: () => [32, {}],
  crop: () => [{ left: 0, top: 0, width: 8, height: 8 }],
  pad: () => [4, {}],
  randomCrop: () => [32, {}],
  randomHorizontalFlip: () => [{}],
  randomResizedCrop: () => [32, {}],
  randomRightAngle: () => [[0, 1]],
  randomVerticalFlip: () => [{}],
  resize: () => [32, {}],
  colorJitter: () => [{ brightness: 0.1 }],
  grayscale: () => [],
  randomGrayscale: () => [{}],
  cutout: () => [{ size: 4 }],
  randomErasing: () => [{}],
  cutMix: () => [{}],
  mixup: () => [{}],
  evaluationTransform: () => [224, {}],
  adam: () => [{}],
  adamW: () => [{}],
  sgd: () => [{}],
  constant: () => [],
  cosine: () => [{}],
  oneCycle: () => [{}],
  step: () => [{ every: 3 }],
  readSafetensors: folder => [join(folder, 'a.safetensors')],
  writeSafetensors: folder => [join(folder, 'w.safetensors'), { tensors }],
  trainingReport: () => [{ model, record: new jpegnet.TrainingRecord() }],
  evaluationReport: () => [{ model, evaluation }],
  explainPicture: () => [model, jpeg, {}],
  // Not to its end: an experiment of nothing is refused before it is begun.
  runExperiment: folder => ['quality', { out: join(folder, 'out'), data: join(folder, 'none') }],
  runtimeInfo: () => [],
}

/** Functions of a model and of a data set. */
const methods: Record<string, [object, (folder: string) => unknown[]]> = {
  plan: [model, () => [{}]],
  profile: [model, () => [jpeg, { rounds: 1 }]],
  train: [model, () => [source, { epochs: 1 }]],
  fit: [model, () => [source, { epochs: 1 }]],
  evaluate: [model, () => [source, {}]],
  predict: [model, () => [jpeg, {}]],
  predictEach: [model, () => [[jpeg], {}]],
  embed: [model, () => [jpeg, {}]],
  featureMaps: [model, () => [jpeg, { layers: [] }]],
  parameters: [model, () => [{}]],
  load: [model, () => [tensors]],
  save: [model, folder => [join(folder, 's.model'), {}]],
  split: [dataset, () => [{ test: 0.5 }]],
  subset: [dataset, () => [[0, 1]]],
  describe: [dataset, () => [0]],
  add: [new jpegnet.TrainingRecord(), () => [{ type: 'checkpoint' }]],
  testBest: [new jpegnet.TrainingRecord(), () => [model, source, {}]],
}

const functions = Object.entries(jpegnet as Record<string, unknown>).filter(
  (entry): entry is [string, (...given: unknown[]) => unknown] =>
    typeof entry[1] === 'function' && !/^[A-Z]/.test(entry[0]),
)

/** Runs a call to its end, or to the first of the values that it gives, and gives back what it threw. */
async function thrownBy(call: () => unknown): Promise<unknown> {
  try {
    const value = call()
    if (typeof value === 'object' && value !== null && Symbol.asyncIterator in value && 'return' in value) {
      const values = value as AsyncGenerator
      await values.next()
      await values.return(undefined)
    } else await value
    return undefined
  } catch (error) {
    return error ?? 'nothing thrown'
  }
}

test('every function is given wrong values here', t => {
  t.deepEqual(
    functions.map(([name]) => name).filter(name => !(name in good)),
    [],
  )
})

async function folderFor(t: Parameters<typeof temporaryFolder>[0]): Promise<string> {
  const folder = await folderOf(t, inTwoFolders(4))
  await model.save(join(folder, 'a.model'))
  await jpegnet.writeSafetensors(join(folder, 'a.safetensors'), { tensors })
  await jpegnet.writeCoefficients(join(folder, 'c.safetensors'), coefficients)
  return folder
}

/** Calls with each argument in turn replaced by each wrong value must end well, or in a ModelError that is a sentence. */
async function complaints(call: (...given: unknown[]) => unknown, name: string, given: unknown[]): Promise<string[]> {
  const found: string[] = []
  let refused = 0
  for (const at of given.keys()) {
    for (const [what, value] of Object.entries(wrong)) {
      // A result that is not there would be written beside the project.
      if (what === 'text' && at === 0 && /^(write|save)/.test(name)) continue
      const error = await thrownBy(() => call(...given.with(at, value)))
      if (error === undefined) continue
      refused += 1
      const isSentence = error instanceof ModelError && /: expected .*, found ./s.test(error.message)
      if (!isSentence) found.push(`${name}: argument ${at}, ${what}: ${String(error)}`)
      else if (/\[object \w+\]/.test(error.message)) found.push(`${name}: argument ${at}, ${what}: ${error.message}`)
    }
  }
  if (given.length > 0 && refused === 0) found.push(`${name} takes anything`)
  return found
}

test('wrong values of functions are ModelErrors that are sentences', async t => {
  const folder = await folderFor(t)
  const found: string[] = []
  for (const [name, call] of functions) found.push(...(await complaints(call, name, good[name]?.(folder) ?? [])))
  t.deepEqual(found, [])
})

test('wrong values of methods are ModelErrors that are sentences', async t => {
  const folder = await folderFor(t)
  const found: string[] = []
  for (const [name, [object, given]] of Object.entries(methods)) {
    const call = (...values: unknown[]) => (object as Record<string, (...v: unknown[]) => unknown>)[name]?.(...values)
    found.push(...(await complaints(call, name, given(folder))))
  }
  const set = (labels: unknown) => Object.assign(model, { labels })
  found.push(...(await complaints(set, 'labels', [['a', 'b']])))
  t.deepEqual(found, [])
})
