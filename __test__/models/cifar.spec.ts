import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import {
  cifarResnet,
  createModel,
  jpegFolder,
  loadDataset,
  readSafetensors,
  type CifarDepth,
  type CifarOptions,
} from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { temporaryFolder } from '../fixtures/pictures.js'
import { shared } from '../fixtures/shared.js'

/** What PyTorch counts of the same networks with ten classes. */
const counts: [CifarDepth, number][] = [
  [20, 269_722],
  [32, 464_154],
  [44, 658_586],
  [56, 853_018],
  [110, 1_727_962],
]
for (const [depth, parameters] of counts) {
  test(`the network for CIFAR of ${depth} layers has ${parameters} parameters`, t => {
    using model = createModel(cifarResnet(depth))
    t.is(model.parameterCount, parameters)
    t.is(model.definition.name, `cifar-resnet${depth}`)
    const filters = model.nodes.filter(({ operation }) => operation === 'conv2d').length
    t.is(filters + 1, depth, 'convolutions and the linear layer')
  })
}

/** Names of the tensors that PyTorch's module of this depth has. */
function names(depth: CifarDepth, shortcut: 'A' | 'B'): string[] {
  const norm = (path: string) =>
    ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map(part => `${path}.${part}`)
  const block = (path: string, projected: boolean) => [
    `${path}.conv1.weight`,
    ...norm(`${path}.bn1`),
    `${path}.conv2.weight`,
    ...norm(`${path}.bn2`),
    ...(projected ? [`${path}.shortcut.0.weight`, ...norm(`${path}.shortcut.1`)] : []),
  ]
  const stages = [1, 2, 3].flatMap(stage =>
    Array.from({ length: (depth - 2) / 6 }, (_, index) =>
      block(`layer${stage}.${index}`, shortcut === 'B' && stage > 1 && index === 0),
    ),
  )
  return ['conv1.weight', ...norm('bn1'), ...stages.flat(), 'linear.weight', 'linear.bias']
}

for (const shortcut of ['A', 'B'] as const) {
  test(`with shortcuts of option ${shortcut}, parameters have PyTorch's names in its order`, async t => {
    using model = createModel(cifarResnet(32, { shortcut }))
    t.deepEqual(
      (await model.parameters()).map(({ name }) => name),
      names(32, shortcut),
    )
  })
}

test('option B has two projections with batch normalisation more than option A', t => {
  using model = createModel(cifarResnet(20, { shortcut: 'B' }))
  t.is(model.parameterCount, 269_722 + (16 * 32 + 2 * 32) + (32 * 64 + 2 * 64))
})

test('a shortcut of option A halves the map and fills up channels', t => {
  using model = createModel(cifarResnet(20, { height: 30, width: 21 }))
  const shapeOf = (path: string) => model.nodes.find(node => node.path === path)?.outputShape
  t.deepEqual(shapeOf('layer2.0.shortcut'), [32, 15, 11])
  t.deepEqual(shapeOf('layer3.0.shortcut'), [64, 8, 6])
  t.is(shapeOf('layer1.0.shortcut'), undefined, 'the first stage adds its input')
})

const refuses = test.macro(async (t, make: () => unknown, expected: Omit<Expected, 'code'>) => {
  await failsWith(t, make, { code: 'INVALID_OPTION', ...expected })
})
test('a depth that no such network has is refused', refuses, () => cifarResnet(18 as never), {
  path: 'cifarResnet.depth',
  expected: 'one of 20, 32, 44, 56, 110',
  found: '18',
})
test('a shortcut that is none is refused', refuses, () => cifarResnet(20, { shortcut: 'C' as never }), {
  path: 'cifarResnet.shortcut',
  expected: 'one of A, B',
})

/**
 * Networks trained on pixels by another project, and how many of the 5,000 test files their spatial twins get right: in
 * onnxruntime on pixels without rounding, which are what this package computes with, and on pixels rounded to bytes.
 */
const trained = [
  { depth: 20, file: 'weights/resnet20-cifar10.safetensors', right: 4525, rounded: 4532 },
  { depth: 32, file: 'weights/resnet32-cifar10.safetensors', right: 4561, rounded: 4561 },
] as const
const archive = shared('data/cifar10.tar.xz')
const ready = archive !== undefined && trained.every(({ file }) => shared(file) !== undefined)

;(ready ? test : test.skip)(
  'networks trained on pixels get as many JPEG files right as their spatial twins',
  async t => {
    const folder = await temporaryFolder(t)
    await promisify(execFile)('tar', ['-xJf', archive ?? '', '-C', folder, 'cifar10/test'])
    using dataset = await loadDataset(jpegFolder(join(folder, 'cifar10/test')))
    t.is(dataset.length, 5000)
    const normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } satisfies CifarOptions
    for (const { depth, file, right, rounded } of trained) {
      using model = createModel(cifarResnet(depth, { ...normalisation, shortcut: 'A' }))
      const report = await model.load(await readSafetensors(shared(file) ?? ''))
      t.deepEqual([report.prefix, report.missing, report.unused, report.mismatched], ['module.', [], [], []])
      const evaluation = await model.evaluate(dataset)
      t.log(`depth ${depth}: ${evaluation.correct} of 5000 right; on pixels rounded to bytes ${rounded}`)
      t.true(Math.abs(evaluation.correct - right) <= 1, `${evaluation.correct}`)
      t.true(Math.abs(evaluation.correct - rounded) <= 10, `${evaluation.correct}`)
    }
  },
)
