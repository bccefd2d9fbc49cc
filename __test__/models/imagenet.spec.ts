import test from 'ava'
import {
  createModel,
  resnet101,
  resnet152,
  resnet18,
  resnet34,
  resnet50,
  type ModelDefinition,
  type NetworkOptions,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'

interface Network {
  make: (options?: NetworkOptions) => ModelDefinition
  blocks: number[]
  bottleneck: boolean
  /** As torchvision counts them. */
  parameters: number
  /** Entries of torchvision's state. */
  tensors: number
}

const networks: Record<string, Network> = {
  resnet18: { make: resnet18, blocks: [2, 2, 2, 2], bottleneck: false, parameters: 11_689_512, tensors: 122 },
  resnet34: { make: resnet34, blocks: [3, 4, 6, 3], bottleneck: false, parameters: 21_797_672, tensors: 218 },
  resnet50: { make: resnet50, blocks: [3, 4, 6, 3], bottleneck: true, parameters: 25_557_032, tensors: 320 },
  resnet101: { make: resnet101, blocks: [3, 4, 23, 3], bottleneck: true, parameters: 44_549_160, tensors: 626 },
  resnet152: { make: resnet152, blocks: [3, 8, 36, 3], bottleneck: true, parameters: 60_192_808, tensors: 932 },
}

/** Paths of torchvision's modules with tensors, in its order, and how many tensors each has. */
function modules({ blocks, bottleneck }: Network): [path: string, tensors: number][] {
  const block = (path: string, projected: boolean): [string, number][] => {
    const numbers = bottleneck ? [1, 2, 3] : [1, 2]
    const body = numbers.flatMap((number): [string, number][] => [
      [`${path}.conv${number}`, 1],
      [`${path}.bn${number}`, 5],
    ])
    const downsample: [string, number][] = [
      [`${path}.downsample.0`, 1],
      [`${path}.downsample.1`, 5],
    ]
    return [...body, ...(projected ? downsample : [])]
  }
  const stages = blocks.flatMap((count, stage) =>
    Array.from({ length: count }, (_, index) =>
      block(`layer${stage + 1}.${index}`, index === 0 && (stage > 0 || bottleneck)),
    ),
  )
  return [['conv1', 1], ['bn1', 5], ...stages.flat(), ['fc', 2]]
}

for (const [name, network] of Object.entries(networks)) {
  test(`${name} has the modules and as many parameters as torchvision's`, t => {
    using model = createModel(network.make())
    t.is(model.definition.name, name)
    t.is(model.parameterCount, network.parameters)
    const own = model.nodes.filter(({ parameters }) => parameters > 0).map(({ path }) => path)
    const expected = modules(network)
    t.deepEqual(
      own,
      expected.map(([path]) => path),
    )
    t.is(
      expected.reduce((sum, [, tensors]) => sum + tensors, 0),
      network.tensors,
    )
  })
}

test("resnet18 has the names and shapes of torchvision's tensors", async t => {
  using model = createModel(resnet18())
  const tensors = await model.parameters()
  t.is(tensors.length, 122)
  const shapes = Object.fromEntries(tensors.map(({ name, shape }) => [name, shape.join()]))
  t.like(shapes, {
    'conv1.weight': '64,3,7,7',
    'bn1.num_batches_tracked': '',
    'layer1.1.bn2.running_var': '64',
    'layer2.0.conv1.weight': '128,64,3,3',
    'layer2.0.downsample.0.weight': '128,64,1,1',
    'layer2.0.downsample.1.running_mean': '128',
    'layer4.1.conv2.weight': '512,512,3,3',
    'fc.weight': '1000,512',
    'fc.bias': '1000',
  })
})

const shapesOf = (definition: ModelDefinition, paths: string[]) => {
  using model = createModel(definition)
  return paths.map(path => model.nodes.find(node => node.path === path)?.outputShape.join('×'))
}
const stations = ['conv1', 'maxpool', 'layer1.0.add', 'layer2.0.add', 'layer3.0.add', 'layer4.0.add', 'fc']

test('the stem and the stages halve a picture of 224×224 to 7×7', t => {
  t.deepEqual(shapesOf(resnet18(), stations), [
    '64×112×112',
    '64×56×56',
    '64×56×56',
    '128×28×28',
    '256×14×14',
    '512×7×7',
    '1000',
  ])
})

test('pictures of any size fit', t => {
  t.deepEqual(shapesOf(resnet50({ height: 125, width: 33, classes: 7, channels: 1 }), stations), [
    '64×63×17',
    '64×32×9',
    '256×32×9',
    '512×16×5',
    '1024×8×3',
    '2048×4×2',
    '7',
  ])
})

test('the stride of a bottleneck lies on its 3×3 filter', t => {
  t.deepEqual(shapesOf(resnet50(), ['layer2.0.conv1', 'layer2.0.conv2', 'layer2.0.conv3', 'layer2.0.downsample.0']), [
    '128×56×56',
    '128×28×28',
    '512×28×28',
    '512×28×28',
  ])
})

test('errors name the network', async t => {
  await failsWith(t, () => resnet34({ classes: 0 }), { code: 'INVALID_OPTION', path: 'resnet34.classes' })
  await failsWith(t, () => resnet101({ mode: 'band-limited' }), {
    code: 'INVALID_OPTION',
    path: 'resnet101.frequencies',
    expected: 'because the mode is band-limited',
    found: 'nothing',
  })
})
