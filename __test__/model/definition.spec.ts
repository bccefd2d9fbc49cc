import test from 'ava'
import { createModel, defineModel, globalAveragePool, linear, paperResnet, sequential } from '../../src-ts/index.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'

const input = { channels: 3, height: 16, width: 16 }
const layers = sequential([globalAveragePool(), linear({ features: 2 })])

test('a definition is frozen plain data that JSON keeps', t => {
  const definition = paperResnet({ frequencies: 6, mean: [0.4, 0.5, 0.6] })
  t.true(Object.isFrozen(definition) && Object.isFrozen(definition.input.mean))
  const copy: unknown = JSON.parse(JSON.stringify(definition))
  t.deepEqual(copy, definition)
  t.notThrows(() => createModel(copy as typeof definition).dispose())
})

test('mean and deviation are 0.5 a channel unless given', t => {
  const { mean, std } = defineModel({ name: 'test', input, layers }).input
  t.deepEqual(
    [mean, std],
    [
      [0.5, 0.5, 0.5],
      [0.5, 0.5, 0.5],
    ],
  )
})

const refuses = test.macro(async (t, changed: object, expected: Expected) => {
  await failsWith(t, () => defineModel({ name: 'test', input: { ...input, ...changed }, layers }), expected)
})

const code = 'INVALID_OPTION'
test(
  'two channels are refused',
  refuses,
  { channels: 2 },
  {
    code,
    path: 'defineModel.input.channels',
    expected: 'one of 1, 3',
    found: '2',
  },
)
test(
  'a mean for another number of channels is refused',
  refuses,
  { mean: [0.5] },
  {
    code,
    path: 'defineModel.input.mean',
    expected: '3 values',
  },
)
test(
  'a mean that is not a number is refused',
  refuses,
  { mean: [NaN, 0, 0] },
  {
    code,
    path: 'defineModel.input.mean.0',
    found: 'NaN',
  },
)
test(
  'a deviation of 0 is refused',
  refuses,
  { std: [1, 0, 1] },
  {
    code,
    path: 'defineModel.input.std.1',
    expected: 'above 0',
    found: '0',
  },
)
test('pictures without pixels are refused', refuses, { height: 0 }, { code, path: 'defineModel.input.height' })
