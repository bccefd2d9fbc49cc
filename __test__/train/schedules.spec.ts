import test from 'ava'
import { constant, cosine, oneCycle, step, type Schedule } from '../../src-ts/index.js'
import { scheduleFactor } from '../../src-ts/train/schedules.js'
import { failsWith, type Expected } from '../fixtures/modelError.js'

const EPOCHS = 5
const STEPS_PER_EPOCH = 8
const LAST = EPOCHS * STEPS_PER_EPOCH - 1

const follows = test.macro((t, schedule: Schedule, truth: (step: number) => number) => {
  for (let step = 0; step <= LAST; step++) {
    const factor = scheduleFactor(schedule, { step, stepsPerEpoch: STEPS_PER_EPOCH, epochs: EPOCHS })
    t.true(Math.abs(factor - truth(step)) < 1e-12, `step ${step}: ${factor}, expected ${truth(step)}`)
  }
})

const epochOf = (step: number) => Math.floor(step / STEPS_PER_EPOCH)

test('constant leaves the learning rate', follows, constant(), () => 1)
test(
  'step multiplies after every so many epochs',
  follows,
  step({ every: 2, factor: 0.5 }),
  step => [1, 1, 0.5, 0.5, 0.25].at(epochOf(step)) as number,
)
test('step divides by 10 unless told', follows, step({ every: 1 }), step => 10 ** -epochOf(step))
test('cosine is half a cosine from 1 to 0', follows, cosine(), step => Math.cos((Math.PI * step) / LAST / 2) ** 2)
test(
  'cosine ends at the share it is told',
  follows,
  cosine({ final: 0.2 }),
  step => 0.2 + 0.8 * Math.cos((Math.PI * step) / LAST / 2) ** 2,
)
test('one cycle rises to 1 and falls', follows, oneCycle({ warmup: 0.25, initial: 0.1, final: 0.01 }), step => {
  const progress = step / LAST
  if (progress < 0.25) return 0.1 + 0.9 * Math.sin((Math.PI * progress) / 0.25 / 2) ** 2
  return 0.01 + 0.99 * Math.cos((Math.PI * (progress - 0.25)) / 0.75 / 2) ** 2
})
test(
  'one cycle without warm-up begins at the top',
  follows,
  oneCycle({ warmup: 0, final: 0 }),
  step => Math.cos((Math.PI * step) / LAST / 2) ** 2,
)

test('a training of one step takes the first value', t => {
  const only = { step: 0, stepsPerEpoch: 1, epochs: 1 }
  t.is(scheduleFactor(cosine(), only), 1)
  t.is(scheduleFactor(oneCycle({ initial: 0.5 }), only), 0.5)
})

test('schedules are frozen plain data', t => {
  t.true([constant(), step({ every: 1 }), cosine(), oneCycle()].every(Object.isFrozen))
})

const refuses = test.macro(async (t, make: () => Schedule, expected: Omit<Expected, 'code'>) => {
  await failsWith(t, make, { code: 'INVALID_OPTION', ...expected })
})
test('steps of no epochs are refused', refuses, () => step({ every: 0 }), { path: 'step.every' })
test('a factor of 0 is refused', refuses, () => step({ every: 1, factor: 0 }), { path: 'step.factor' })
test('a final share above 1 is refused', refuses, () => cosine({ final: 2 }), { path: 'cosine.final', found: '2' })
test('a warm-up that is not a number is refused', refuses, () => oneCycle({ warmup: NaN }), { path: 'oneCycle.warmup' })
