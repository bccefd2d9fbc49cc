import test from 'ava'
import {
  add,
  batchNorm,
  clip,
  conv2d,
  defineModel,
  globalAveragePool,
  leakyRelu,
  linear,
  paperResnet,
  relu,
  residual,
  sequential,
  type Layer,
} from '../../src-ts/index.js'
import { lowerModel, type GraphNode, type Operation } from '../../src-ts/model/graph.js'
import { failsWith } from '../fixtures/modelError.js'

function nodesOf(layers: Layer): GraphNode[] {
  return lowerModel(defineModel({ name: 'test', input: { channels: 3, height: 16, width: 16 }, layers })).nodes
}

test("the paper's network has PyTorch's paths in an order in which inputs come first", t => {
  const { nodes } = lowerModel(paperResnet())
  const block = (name: string) =>
    ['conv1', 'bn1', 'relu', 'conv2', 'bn2', 'downsample.0', 'downsample.1', 'add', 'relu2'].map(
      part => `${name}.${part}`,
    )
  t.deepEqual(
    nodes.map(({ path }) => path),
    [...block('block1'), ...block('block2'), ...block('block3'), 'pool', 'fc'],
  )
  nodes.forEach(({ inputs }, index) => t.true(inputs.every(input => input <= index)))
})

test('a chain reads what came before it', t => {
  const nodes = nodesOf(
    sequential({ conv: conv2d({ channels: 4 }), pool: globalAveragePool(), fc: linear({ features: 2 }) }),
  )
  t.deepEqual(
    nodes.map(({ path, inputs }) => [path, inputs]),
    [
      ['conv', [0]],
      ['pool', [1]],
      ['fc', [2]],
    ],
  )
})

test('a branch without layers is the input itself', t => {
  const nodes = nodesOf(
    sequential({ stem: conv2d({ channels: 4 }), block: residual({ body: { conv: conv2d({ channels: 4 }) } }) }),
  )
  t.deepEqual(nodes.at(-1), { path: 'block.add', inputs: [2, 1], operation: { type: 'add' } })
})

test('every branch begins at the same value and the sum is read by what follows', t => {
  const conv = conv2d({ channels: 4 })
  const nodes = nodesOf(
    sequential({
      stem: conv,
      sum: add({ branches: [{ a: conv }, { b: conv, norm: batchNorm() }, []], then: [relu()] }),
    }),
  )
  t.deepEqual(
    nodes.map(({ path, inputs }) => [path, inputs]),
    [
      ['stem', [0]],
      ['sum.a', [1]],
      ['sum.b', [1]],
      ['sum.norm', [3]],
      ['sum.add', [2, 4, 1]],
      ['sum.0', [5]],
    ],
  )
})

test('sequences in sequences join their names by dots', t => {
  const nodes = nodesOf(sequential({ layer1: sequential([sequential({ conv: conv2d({ channels: 1 }) })]) }))
  t.is(nodes[0]?.path, 'layer1.0.conv')
})

/** The function that an operation's pieces make, by the definition of its breakpoints. */
function piecewise(operation: Operation | undefined): (x: number) => number {
  if (operation?.type !== 'piecewiseLinear') throw new Error('not piecewise linear')
  const { slope, intercept, breakpoints } = operation
  return x =>
    breakpoints
      .filter(({ at }) => x > at)
      .reduce((sum, { slopeChange, interceptChange }) => sum + slopeChange * x + interceptChange, slope * x + intercept)
}

const computes = test.macro((t, layer: Layer, truth: (x: number) => number) => {
  const f = piecewise(nodesOf(sequential([layer]))[0]?.operation)
  for (const x of [-100, -3, -1, -0.5, 0, 0.25, 1, 2, 5.5, 6, 7, 1000]) {
    t.true(Math.abs(f(x) - truth(x)) < 1e-12 * Math.max(1, Math.abs(x)), `f(${x}) = ${f(x)}, expected ${truth(x)}`)
  }
})

test('the pieces of ReLU make max(x, 0)', computes, relu(), x => Math.max(x, 0))
test('the pieces of leaky ReLU make x or slope·x', computes, leakyRelu({ slope: 0.2 }), x => (x > 0 ? x : 0.2 * x))
test('the pieces of clip make min(max(x, low), high)', computes, clip({ low: -0.5, high: 5.5 }), x =>
  Math.min(Math.max(x, -0.5), 5.5),
)

test('masking goes with every nonlinearity', t => {
  const nodes = nodesOf(sequential([relu({ masking: 'apx', frequencies: 4 }), leakyRelu({ frequencies: 2 })]))
  const maskings = nodes.map(
    ({ operation }) => operation.type === 'piecewiseLinear' && [operation.masking, operation.frequencies],
  )
  t.deepEqual(maskings, [
    ['apx', 4],
    ['asm', 2],
  ])
})

test('two layers of one path are refused by their path', async t => {
  const conv = conv2d({ channels: 4 })
  const twice = sequential({ block1: residual({ body: { conv1: conv }, shortcut: { conv1: conv } }) })
  await failsWith(t, () => nodesOf(twice), {
    code: 'INVALID_DEFINITION',
    path: 'block1.conv1',
    expected: 'a path of its own',
    found: 'two layers',
  })
})

test("a layer whose tensors would be taken for the optimizer's is refused", async t => {
  await failsWith(t, () => nodesOf(sequential({ optimizer: sequential([conv2d({ channels: 4 })]) })), {
    code: 'INVALID_DEFINITION',
    path: 'optimizer.0',
  })
})
