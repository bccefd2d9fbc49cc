/** How the example of a service joins requests. */
import test from 'ava'
import { createModel, paperResnet, type Model, type Prediction } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { jpegs } from '../fixtures/pictures.js'

interface Queue {
  classify(picture: { name: string; jpeg: Uint8Array }, signal: AbortSignal): Promise<Prediction>
  end(): Promise<void>
}
const PATH = '../../examples/service/queue.mjs'
const { Queue } = (await import(PATH)) as { Queue: new (model: Model, options: object) => Queue }

const newModel = () => createModel(paperResnet(), { seed: 1 })
const picture = (index: number) => ({ name: `upload ${index}`, jpeg: jpegs[index % 10] as Buffer })
const { signal } = new AbortController()

test('a request that is given up before its turn is left out, and the others have their own answers', async t => {
  using model = newModel()
  const queue = new Queue(model, { batchSize: 4 })
  const gone = new AbortController()
  const calls = Array.from({ length: 40 }, (_, call) => queue.classify(picture(call), call % 3 ? signal : gone.signal))
  gone.abort()
  const outcomes = await Promise.allSettled(calls)
  const left = outcomes.filter(({ status }) => status === 'rejected')
  // Some may have had their turn at once.
  t.true(left.length > 0 && left.length <= 14, `${left.length} were left out`)
  for (const [call, outcome] of outcomes.entries()) {
    if (outcome.status === 'fulfilled') t.is(outcome.value.file, `upload ${call}`)
    else t.is(call % 3, 0)
  }
  await queue.end()
})

test('its end waits for answers', async t => {
  using model = newModel()
  const queue = new Queue(model, {})
  const calls = Array.from({ length: 20 }, (_, call) => queue.classify(picture(call), signal))
  await queue.end()
  t.is((await Promise.all(calls)).length, 20)
})

test('when the model fails nobody waits in vain', async t => {
  const model = newModel()
  const queue = new Queue(model, {})
  await queue.classify(picture(0), signal)
  model.dispose()
  const calls = [queue.classify(picture(1), signal), queue.classify(picture(2), signal)]
  for (const call of calls) await failsWith(t, () => call, { code: 'DISPOSED' })
  await failsWith(t, () => queue.classify(picture(3), signal), { code: 'DISPOSED' })
  await queue.end()
})
