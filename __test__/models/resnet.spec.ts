import test from 'ava'
import {
  createModel,
  paperResnet,
  readSafetensors,
  resnet,
  type Layer,
  type ResnetOptions,
} from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { fixture } from '../fixtures/pictures.js'

test("the paper's network has the names and shapes of its twin in PyTorch, in PyTorch's order", async t => {
  const { tensors } = await readSafetensors(fixture('reference/paper_resnet.safetensors'))
  const own = await createModel(paperResnet()).parameters()
  const described = (list: typeof own) => list.map(({ name, shape }) => `${name} [${shape.join()}]`)
  // A safetensors file has an order of its own.
  t.deepEqual(described(own).sort(), described(tensors).sort())
  t.deepEqual(
    own.slice(0, 6).map(({ name }) => name),
    ['weight', 'weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map(
      (part, index) => `block1.${index === 0 ? 'conv1' : 'bn1'}.${part}`,
    ),
  )
})

test('shortcuts are projections, or subsamplings without parameters if asked for', t => {
  const stages = [{ blocks: 1, channels: 4 }]
  const operationsOf = (options: Partial<ResnetOptions>) => {
    using model = createModel(resnet({ stages, block: 'bottleneck', ...options }))
    return model.nodes
      .filter(({ path }) => path.includes('downsample'))
      .map(({ path, operation, outputShape }) => [path, operation, outputShape.join('×')])
  }
  t.deepEqual(operationsOf({}), [
    ['layer1.0.downsample.0', 'conv2d', '16×32×32'],
    ['layer1.0.downsample.1', 'batchNorm', '16×32×32'],
  ])
  t.deepEqual(operationsOf({ shortcut: 'A' }), [['layer1.0.downsample', 'subsample', '16×32×32']])
})

test('a stem may pool', t => {
  const stem = { channels: 8, size: 5, stride: 2, maxPool: { size: 3, stride: 2, padding: 1 } }
  const { nodes } = createModel(resnet({ stages: [{ blocks: 1, channels: 8 }], stem, height: 30, width: 30 }))
  t.deepEqual(
    nodes.slice(0, 4).map(({ path, outputShape }) => [path, outputShape.join('×')]),
    [
      ['conv1', '8×15×15'],
      ['bn1', '8×15×15'],
      ['relu', '8×15×15'],
      ['maxpool', '8×8×8'],
    ],
  )
})

test('stages halve the picture, the first one does not', t => {
  const stages = [16, 32, 64].map(channels => ({ blocks: 1, channels }))
  const { nodes } = createModel(resnet({ stages }))
  const shapeOf = (path: string) => nodes.find(node => node.path === path)?.outputShape
  t.deepEqual(shapeOf('layer1.0.add'), [16, 32, 32])
  t.deepEqual(shapeOf('layer2.0.add'), [32, 16, 16])
  t.deepEqual(shapeOf('layer3.0.add'), [64, 8, 8])
  t.deepEqual(shapeOf('avgpool'), [64])
  t.deepEqual(shapeOf('fc'), [10])
})

test('the mode, mean and deviation reach the definition', t => {
  const { input, layers } = paperResnet({ channels: 1, masking: 'apx', frequencies: 4, mean: [0.13], std: [0.31] })
  t.deepEqual([input.channels, input.mean, input.std], [1, [0.13], [0.31]])
  const relus: unknown[] = []
  const visit = (layer: Layer): void => {
    if (layer.type === 'sequential') layer.layers.forEach(({ layer }) => visit(layer))
    else if (layer.type === 'add') [...layer.branches.flat(), ...layer.then].forEach(({ layer }) => visit(layer))
    else if (layer.type === 'relu') relus.push([layer.masking, layer.frequencies])
  }
  visit(layers)
  t.deepEqual(relus, Array(6).fill(['apx', 4]))
})

const refuses = test.macro(async (t, make: () => unknown, expected: Omit<Expected, 'code'>) => {
  await failsWith(t, make, { code: 'INVALID_OPTION', ...expected })
})
test('two channels are refused', refuses, () => paperResnet({ channels: 2 }), {
  path: 'paperResnet.channels',
  expected: 'one of 1, 3',
  found: '2',
})
test('no classes are refused', refuses, () => paperResnet({ classes: 0 }), { path: 'paperResnet.classes' })
test('no frequencies are refused', refuses, () => paperResnet({ frequencies: 0 }), { path: 'paperResnet.frequencies' })
test(
  'a stem whose pooling makes no sense is refused',
  refuses,
  () => resnet({ stages: [{ blocks: 1, channels: 8 }], stem: { channels: 8, maxPool: { size: 0 } } }),
  {
    path: 'maxPool.size',
  },
)
test('no stages are refused', refuses, () => resnet({ stages: [] }), { path: 'resnet.stages' })
test('a stage without blocks is refused', refuses, () => resnet({ stages: [{ blocks: 0, channels: 8 }] }), {
  path: 'resnet.stages.0.blocks',
})
