import test from 'ava'
import {
  add,
  averagePool,
  batchNorm,
  clip,
  conv2d,
  globalAveragePool,
  hardTanh,
  leakyRelu,
  linear,
  maxPool,
  relu,
  relu6,
  residual,
  sequential,
  subsample,
  type Layer,
} from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'

const becomes = test.macro((t, layer: Layer, expected: object) => {
  t.deepEqual(layer as object, expected)
})

const conv = { type: 'conv2d', size: 3, stride: 1, padding: 1, bias: false, factorisation: 'auto' }

test('a convolution keeps the size and has no bias unless told', becomes, conv2d({ channels: 16 }), {
  ...conv,
  channels: 16,
})
test('the padding of a convolution follows its size', becomes, conv2d({ channels: 2, size: 7, stride: 2 }), {
  ...conv,
  channels: 2,
  size: 7,
  stride: 2,
  padding: 3,
})
test(
  'options of a convolution are kept',
  becomes,
  conv2d({ channels: 2, size: 1, padding: 2, bias: true, inputChannels: 5, factorisation: 'exploded' }),
  { ...conv, channels: 2, size: 1, padding: 2, bias: true, inputChannels: 5, factorisation: 'exploded' },
)
test("batch normalisation has PyTorch's defaults", becomes, batchNorm(), {
  type: 'batchNorm',
  epsilon: 1e-5,
  momentum: 0.1,
})
test('ReLU is exact unless told', becomes, relu(), { type: 'relu', masking: 'exact', frequencies: 15 })
test('frequencies alone mean ASM', becomes, relu({ frequencies: 6 }), { type: 'relu', masking: 'asm', frequencies: 6 })
test('a masking alone keeps all frequencies', becomes, relu({ masking: 'apx' }), {
  type: 'relu',
  masking: 'apx',
  frequencies: 15,
})
test('leaky ReLU has a slope of 0.01 unless told', becomes, leakyRelu(), {
  type: 'leakyRelu',
  slope: 0.01,
  masking: 'exact',
  frequencies: 15,
})
test('ReLU6 clips to 0…6', becomes, relu6({ masking: 'asm', frequencies: 3 }), {
  type: 'clip',
  low: 0,
  high: 6,
  masking: 'asm',
  frequencies: 3,
})
test('hard tanh clips to −1…1', becomes, hardTanh(), {
  type: 'clip',
  low: -1,
  high: 1,
  masking: 'exact',
  frequencies: 15,
})
test('a linear layer has a bias unless told', becomes, linear({ features: 10 }), {
  type: 'linear',
  features: 10,
  bias: true,
})
test('windows of max pooling touch and are not padded unless told', becomes, maxPool({ size: 2 }), {
  type: 'maxPool',
  size: 2,
  stride: 2,
  padding: 0,
})
test('options of max pooling are kept', becomes, maxPool({ size: 3, stride: 2, padding: 1 }), {
  type: 'maxPool',
  size: 3,
  stride: 2,
  padding: 1,
})
test('windows of average pooling touch and are not padded unless told', becomes, averagePool({ size: 2 }), {
  type: 'averagePool',
  size: 2,
  stride: 2,
  padding: 0,
  countPadding: true,
})
test(
  'options of average pooling are kept',
  becomes,
  averagePool({ size: 3, stride: 2, padding: 1, countPadding: false }),
  { type: 'averagePool', size: 3, stride: 2, padding: 1, countPadding: false },
)
test('a subsampling takes every other pixel unless told', becomes, subsample({ channels: 32 }), {
  type: 'subsample',
  channels: 32,
  stride: 2,
})
test('global average pooling has no options', becomes, globalAveragePool(), { type: 'globalAveragePool' })
test('a list of layers is numbered from 0', becomes, sequential([relu(), globalAveragePool()]), {
  type: 'sequential',
  layers: [
    { name: '0', layer: relu() },
    { name: '1', layer: globalAveragePool() },
  ],
})
test('a record of layers is named by its keys', becomes, sequential({ act: relu(), pool: globalAveragePool() }), {
  type: 'sequential',
  layers: [
    { name: 'act', layer: relu() },
    { name: 'pool', layer: globalAveragePool() },
  ],
})
test(
  'a residual block without a shortcut adds its input',
  becomes,
  residual({ body: { conv: conv2d({ channels: 4 }) }, activation: { relu: relu() } }),
  {
    type: 'add',
    branches: [[{ name: 'conv', layer: conv2d({ channels: 4 }) }], []],
    then: [{ name: 'relu', layer: relu() }],
  },
)
test('a layer may be called type', becomes, sequential({ type: relu() }), {
  type: 'sequential',
  layers: [{ name: 'type', layer: relu() }],
})

test('layers are frozen all the way down', t => {
  const layer = sequential({ block: residual({ body: [conv2d({ channels: 4 })] }) })
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && Object.values(value).every(frozen))
  t.true(frozen(layer))
})

test('a factory does not freeze what it is given', t => {
  const options = { channels: 4 }
  const layers = [conv2d(options)]
  sequential(layers)
  t.false(Object.isFrozen(options))
  t.false(Object.isFrozen(layers))
})

const refuses = test.macro(async (t, make: () => unknown, expected: Omit<Expected, 'code'>) => {
  await failsWith(t, make, { code: 'INVALID_OPTION', ...expected })
})

/** What a caller without types may pass. */
const any = (value: unknown) => value as never

test('no channels are refused', refuses, () => conv2d({ channels: 0 }), {
  path: 'conv2d.channels',
  expected: 'at least 1',
  found: '0',
})
test('a broken number of channels is refused', refuses, () => conv2d({ channels: 1.5 }), {
  path: 'conv2d.channels',
  expected: 'a whole number',
  found: '1.5',
})
test('missing channels are refused', refuses, () => conv2d(any({})), {
  path: 'conv2d.channels',
  found: 'nothing',
})
test('a stride of 3 is refused', refuses, () => conv2d({ channels: 1, stride: 3 }), {
  path: 'conv2d.stride',
  expected: 'at most 2',
  found: '3',
})
test('an unknown option is refused by name', refuses, () => conv2d(any({ channels: 1, kernel: 3 })), {
  path: 'conv2d.kernel',
  expected: 'no option of that name',
  found: '3',
})
test('an unknown factorisation is refused', refuses, () => conv2d(any({ channels: 1, factorisation: 'magic' })), {
  path: 'conv2d.factorisation',
  expected: 'auto, winograd, winograd2, diagonalised, scatter, pointwise, sandwich, exploded',
  found: 'magic',
})
for (const frequencies of [0, 16, -1, 2.5, NaN, Infinity]) {
  test(`${frequencies} frequencies are refused`, refuses, () => relu({ frequencies }), {
    path: 'relu.frequencies',
    found: String(frequencies),
  })
}
test('an unknown masking is refused', refuses, () => relu({ masking: any('soft') }), {
  path: 'relu.masking',
  expected: 'exact, asm, apx',
  found: 'soft',
})
test('a slope that is not a number is refused', refuses, () => leakyRelu({ slope: NaN }), {
  path: 'leakyRelu.slope',
  expected: 'a finite number',
  found: 'NaN',
})
test('a window of no pixels is refused', refuses, () => maxPool({ size: 0 }), {
  path: 'maxPool.size',
  expected: 'at least 1',
  found: '0',
})
test('a window that the engine has no place for is refused', refuses, () => maxPool({ size: 17 }), {
  path: 'maxPool.size',
  expected: 'at most 16',
})
test('a padding that may fill a window of an average is refused', refuses, () => averagePool({ size: 3, padding: 2 }), {
  path: 'averagePool.padding',
})
test('a padding that may fill a window is refused', refuses, () => maxPool({ size: 3, padding: 2 }), {
  path: 'maxPool.padding',
  expected: "at most half the window's size",
})
test('a stride of 0 is refused', refuses, () => subsample({ channels: 4, stride: 0 }), { path: 'subsample.stride' })
test('no channels of a subsampling are refused', refuses, () => subsample({ channels: 0 }), {
  path: 'subsample.channels',
})
test('an empty range is refused', refuses, () => clip({ low: 1, high: 1 }), {
  path: 'clip',
  expected: 'low below high',
})
test('an infinite range is refused', refuses, () => clip({ low: 0, high: Infinity }), { path: 'clip.high' })
test('an epsilon of 0 is refused', refuses, () => batchNorm({ epsilon: 0 }), {
  path: 'batchNorm.epsilon',
  expected: 'above 0',
})
test('a momentum above 1 is refused', refuses, () => batchNorm({ momentum: 1.5 }), { path: 'batchNorm.momentum' })
test('no features are refused', refuses, () => linear({ features: 0 }), { path: 'linear.features' })
test('no layers are refused', refuses, () => sequential([]), {
  path: 'sequential.layers',
  expected: 'at least 1 entry',
})
test('nothing in place of layers is refused', refuses, () => sequential(any(undefined)), {
  path: 'sequential',
  found: 'nothing',
})
test('one layer in place of layers is refused', refuses, () => sequential(any(relu())), {
  path: 'sequential',
  expected: 'a record or a list of layers',
})
test('what is no layer is refused by its name', refuses, () => sequential(any({ pool: 'average' })), {
  path: 'sequential.pool',
  expected: 'a layer',
  found: 'average',
})
test('a name with a dot is refused', refuses, () => sequential({ 'a.b': relu() }), {
  expected: 'letters, digits and underscores',
  found: 'a.b',
})
test('one branch is no sum', refuses, () => add({ branches: [[relu()]] }), { path: 'add.branches' })
test('two branches without layers are refused', refuses, () => add({ branches: [[], []] }), {
  path: 'add.branches',
  found: '2',
})
test('a residual block without a body is refused', refuses, () => residual({ body: [] }), { path: 'residual.body' })
test('a layer with damaged options is refused in place', refuses, () => sequential([{ ...relu(), frequencies: 99 }]), {
  path: 'sequential.layers.0.layer.frequencies',
  found: '99',
})
