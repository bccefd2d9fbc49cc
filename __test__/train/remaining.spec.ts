/** How long a training is said to go on. */
import test from 'ava'
import { Remaining } from '../../src-ts/train/remaining.js'
import { trainSettings } from '../../src-ts/train/settings.js'
import type { StepEvent } from '../../src-ts/index.js'
import { eventsOf, newModel } from '../fixtures/training.js'

const settings = trainSettings({ epochs: 5, batchSize: 10 }, undefined)
const at = (epoch: number, images: number) => {
  const unfinished = { images, lossSum: 0, correct: 0, seconds: 0 }
  return { epoch, step: 0, images: 100, settings, history: [], ...(images > 0 && { unfinished }) }
}

test('what is left is as many pictures as there are, at the pace of those before, and the tests to come', t => {
  const remaining = new Remaining()
  t.deepEqual(remaining.left(at(0, 0)), { epoch: 0, training: 0 }, 'nothing is known yet')
  remaining.stepTook(10, 50)
  remaining.stepTook(10, 1)
  remaining.stepTook(10, 1)
  // 0.1 s a picture; the first step, which also prepares, counts no more.
  t.deepEqual(remaining.left(at(0, 30)), { epoch: 7, training: 47 })
  remaining.testTook(3)
  t.deepEqual(remaining.left(at(1, 0)), { epoch: 10, training: 40 + 4 * 3 })
  t.deepEqual(remaining.left(at(4, 100)), { epoch: 0, training: 3 })
  t.deepEqual(remaining.left(at(5, 0)).training, 0)
})

test('a machine that becomes slower is followed', t => {
  const remaining = new Remaining()
  for (let step = 0; step < 1000; step++) remaining.stepTook(10, 1)
  for (let step = 0; step < 300; step++) remaining.stepTook(10, 2)
  t.is(remaining.left(at(0, 50)).epoch, 10)
})

test('steps tell what is left of their epoch and of all, less with each', async t => {
  using model = newModel()
  const events = await eventsOf(model, { epochs: 2, batchSize: 2 })
  const steps = events.filter((event): event is StepEvent => event.type === 'step')
  t.true(steps.every(({ secondsLeft: { epoch, training } }) => epoch >= 0 && training >= epoch))
  t.is(steps.at(-1)?.secondsLeft.training, 0)
  t.is(steps[4]?.secondsLeft.epoch, 0)
  t.true((steps[0]?.secondsLeft.epoch ?? 0) > 0)
})
