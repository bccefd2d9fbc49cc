import test from 'ava'
import { adam, adamW, sgd, type Optimizer } from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'

const becomes = test.macro((t, optimizer: Optimizer, expected: object) => {
  t.deepEqual(optimizer as object, expected)
  t.true(Object.isFrozen(optimizer))
})

const adams = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
test('SGD has momentum and no decay unless told', becomes, sgd(), {
  type: 'sgd',
  learningRate: 0.1,
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0,
})
test("Adam has PyTorch's defaults", becomes, adam(), { type: 'adam', ...adams, weightDecay: 0 })
test("AdamW has PyTorch's defaults", becomes, adamW(), { type: 'adamw', ...adams, weightDecay: 0.01 })
test('options of an optimizer are kept', becomes, sgd({ learningRate: 0.5, nesterov: true, weightDecay: 5e-4 }), {
  type: 'sgd',
  learningRate: 0.5,
  momentum: 0.9,
  nesterov: true,
  weightDecay: 5e-4,
})

const refuses = test.macro(async (t, make: () => Optimizer, expected: Omit<Expected, 'code'>) => {
  await failsWith(t, make, { code: 'INVALID_OPTION', ...expected })
})
for (const learningRate of [NaN, Infinity, -1]) {
  test(`a learning rate of ${learningRate} is refused`, refuses, () => adam({ learningRate }), {
    path: 'adam.learningRate',
    found: String(learningRate),
  })
}
test('a momentum of 1 is refused', refuses, () => sgd({ momentum: 1 }), { path: 'sgd.momentum', expected: 'below 1' })
test('Nesterov without momentum is refused', refuses, () => sgd({ momentum: 0, nesterov: true }), {
  path: 'sgd.momentum',
})
test('a negative decay is refused', refuses, () => adamW({ weightDecay: -0.1 }), { path: 'adamW.weightDecay' })
test('an epsilon of 0 is refused', refuses, () => adam({ epsilon: 0 }), { path: 'adam.epsilon' })
