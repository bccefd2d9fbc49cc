import test from 'ava'
import { createModel, paperResnet, readSafetensors, resnet, type Layer, type Model } from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'
import { fixture } from '../fixtures/pictures.js'

async function namesOf(model: Model): Promise<string[]> {
  return (await model.parameters()).map(({ name }) => name)
}

const imagenet = { classes: 1000, height: 256, width: 256, stem: { channels: 64, size: 7, stride: 2 } }
const widths = [64, 128, 256, 512]

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

test('a network of 18 layers has the tensors of the ResNet-18 of torchvision', async t => {
  const model = createModel(resnet({ ...imagenet, stages: widths.map(channels => ({ blocks: 2, channels })) }))
  t.is(model.parameterCount, 11_689_512)
  const names = await namesOf(model)
  t.is(names.length, 122)
  for (const name of [
    'conv1.weight',
    'bn1.running_var',
    'layer1.0.conv1.weight',
    'layer1.1.bn2.num_batches_tracked',
    'layer2.0.downsample.0.weight',
    'layer2.0.downsample.1.running_mean',
    'layer4.1.conv2.weight',
    'fc.weight',
    'fc.bias',
  ]) {
    t.true(names.includes(name), name)
  }
  t.false(
    names.some(name => /layer1.*downsample|layer2\.1\.downsample/.test(name)),
    'identity shortcuts have no tensors',
  )
})

test('a network of 50 layers has the tensors of the ResNet-50 of torchvision', async t => {
  const stages = [3, 4, 6, 3].map((blocks, stage) => ({ blocks, channels: widths[stage] as number }))
  const model = createModel(resnet({ ...imagenet, stages, block: 'bottleneck' }))
  t.is(model.parameterCount, 25_557_032)
  const names = await namesOf(model)
  t.is(names.length, 320)
  t.true(names.includes('layer1.0.downsample.0.weight'), 'the first stage widens')
  t.true(names.includes('layer3.5.bn3.running_var'))
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

test('the stride of a bottleneck lies on its 3×3 filter', t => {
  const { nodes } = createModel(resnet({ stages: [{ blocks: 1, channels: 4, stride: 2 }], block: 'bottleneck' }))
  const shapes = ['conv1', 'conv2', 'conv3'].map(
    name => nodes.find(({ path }) => path === `layer1.0.${name}`)?.outputShape,
  )
  t.deepEqual(shapes, [
    [4, 32, 32],
    [4, 16, 16],
    [16, 16, 16],
  ])
})

test('masking, mean and deviation reach the definition', t => {
  const { input, layers } = paperResnet({ channels: 1, relu: 'apx', frequencies: 4, mean: [0.13], std: [0.31] })
  t.deepEqual([input.channels, input.mean, input.std], [1, [0.13], [0.31]])
  const relus: unknown[] = []
  const visit = (layer: Layer): void => {
    if (layer.type === 'sequential') layer.layers.forEach(({ layer }) => visit(layer))
    else if (layer.type === 'add') [...layer.branches.flat(), ...layer.then].forEach(({ layer }) => visit(layer))
    else if (layer.type === 'relu') relus.push([layer.mode, layer.frequencies])
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
test('no stages are refused', refuses, () => resnet({ stages: [] }), { path: 'resnet.stages' })
test('a stage without blocks is refused', refuses, () => resnet({ stages: [{ blocks: 0, channels: 8 }] }), {
  path: 'resnet.stages.0.blocks',
})
