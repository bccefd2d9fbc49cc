/** Many calls of one model at a time. */
import { unlinkSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { createModel, paperResnet, type ModeOptions, type PictureAnswer } from '../../src-ts/index.js'
import { all } from '../fixtures/answers.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegPaths, jpegs } from '../fixtures/pictures.js'
import { reference } from '../fixtures/reference.js'

const newModel = () => createModel(paperResnet(), { seed: 1 })
const modes: ModeOptions[] = [{}, { mode: 'band-limited', frequencies: 6 }, { frequencies: 2 }]

test('calls at the same time have the answers that each has alone', async t => {
  using model = await reference()
  const expected: number[][][] = []
  for (const mode of modes) expected.push((await model.predict(jpegPaths, mode)).map(({ logits }) => [...logits]))
  const calls = Array.from({ length: 150 }, async (_, call) => {
    const [first, mode, size] = [call % 10, call % 3, 1 + (call % 4)]
    const some = Array.from({ length: size }, (_, index) => (first + index) % 10)
    const pictures = some.map(index => (call % 2 ? jpegPaths[index] : jpegs[index]) as string)
    const options = { ...modes[mode], batchSize: 2 }
    const each = call % 5 === 0
    const answers: PictureAnswer[] = each
      ? await all(model.predictEach(pictures, options))
      : await model.predict(pictures, options)
    return answers.map((answer, at) => {
      if (answer.error) throw answer.error
      return { mode, picture: some[at] as number, logits: answer.logits }
    })
  })
  const answers = (await Promise.all(calls)).flat()
  t.true(answers.length > 300)
  for (const { mode, picture, logits } of answers) {
    const distances = expected.flatMap((rows, otherMode) =>
      rows.map((row, other) => ({
        own: otherMode === mode && other === picture,
        distance: Math.max(...row.map((logit, index) => Math.abs(logit - (logits[index] ?? NaN)))),
      })),
    )
    t.true(
      distances.every(({ own, distance }) => (own ? distance < 1e-4 : distance > 1e-3)),
      'its own answer',
    )
  }
})

test('a bad picture is the failure of its own call alone', async t => {
  using model = newModel()
  const calls = Array.from({ length: 20 }, (_, call) => model.predict(call % 4 === 0 ? `none ${call}.jpg` : jpegPaths))
  for (const [call, outcome] of (await Promise.allSettled(calls)).entries()) {
    if (call % 4 === 0) await failsWith(t, () => calls[call], { code: 'FILE_NOT_FOUND', path: `none ${call}.jpg` })
    else t.is(outcome.status, 'fulfilled')
  }
})

test('a call reads its pictures when its turn comes, so that calls that wait take no native memory', async t => {
  const names = Array.from({ length: 40 }, (_, index) => `${index}.jpg`)
  const folder = await folderOf(t, Object.fromEntries(names.map(name => [name, jpegs[0] as Buffer])))
  using model = newModel()
  const calls = names.map(name => model.predict(join(folder, name)))
  const outcomes = Promise.allSettled(calls)
  await Promise.any(calls)
  for (const name of names) unlinkSync(join(folder, name))
  const answered = (await outcomes).filter(({ status }) => status === 'fulfilled').length
  // One is answered, and four were at work.
  t.true(answered >= 1 && answered <= 5, `${answered} were read`)
  for (const call of calls.slice(-30)) await failsWith(t, () => call, { code: 'FILE_NOT_FOUND' })
})

test('a short call waits for batches of a long one, not for its end', async t => {
  using model = newModel()
  const order: string[] = []
  const many = Array.from({ length: 40 }, () => jpegs).flat()
  const long = model.predict(many, { batchSize: 4 }).then(() => order.push('long'))
  const short = model.predict(jpegPaths).then(() => order.push('short'))
  await Promise.all([long, short])
  t.deepEqual(order, ['short', 'long'])
})

test('a call that is aborted while it waits is not run', async t => {
  using model = newModel()
  const controller = new AbortController()
  const first = Array.from({ length: 8 }, () => model.predict(jpegPaths))
  const waiting = model.predict('none.jpg', { signal: controller.signal })
  controller.abort()
  // A file that was read would be missed.
  await failsWith(t, () => waiting, { code: 'ABORTED' })
  for (const call of first) t.is((await call).length, 10)
})

test('a model is not disposed of while calls are under way, from the first moment on', async t => {
  const model = newModel()
  const calls = Array.from({ length: 5 }, () => model.predict(jpegPaths))
  await failsWith(t, () => model.dispose(), { code: 'BUSY' })
  await calls[0]
  await failsWith(t, () => model.dispose(), { code: 'BUSY' })
  for (const call of calls) t.is((await call).length, 10)
  t.notThrows(() => model.dispose())
})
