/** Pictures that are classified as they come: their answers, how far ahead they are read, and how it ends. */
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { createModel, crop, paperResnet, type Picture, type PictureAnswer } from '../../src-ts/index.js'
import { all } from '../fixtures/answers.js'
import { failsWith } from '../fixtures/modelError.js'
import { fixture, folderOf, jpegPaths, jpegs } from '../fixtures/pictures.js'

const [jpeg] = jpegs as [Buffer]
const newModel = () => createModel(paperResnet(), { seed: 1 })

/** Pictures without an end, and what became of the generator that gives them. */
function endless(picture: Picture = jpeg) {
  const state = { given: 0, returned: false }
  async function* pictures(): AsyncGenerator<Picture, void> {
    try {
      for (;;) {
        state.given += 1
        yield picture
      }
    } finally {
      state.returned = true
    }
  }
  return { state, pictures: pictures() }
}

function alike(t: ExecutionContext, logits: readonly number[] = [], expected: readonly number[] = []): void {
  // Another batch may be computed in another way: the same map, rounded otherwise.
  const errors = expected.map((logit, index) => Math.abs(logit - (logits[index] ?? NaN)))
  t.true(errors.length > 0 && Math.max(...errors) < 1e-4, `largest difference ${Math.max(...errors)}`)
}

test('any iterable is classified as predict does it at once, in its order', async t => {
  using model = newModel()
  const pictures = [...jpegPaths, ...jpegs, ...jpegs.map((bytes, index) => ({ name: `the ${index}`, jpeg: bytes }))]
  const mixed = pictures.map((_, index) => pictures[(index * 7) % pictures.length] as Picture)
  const expected = await model.predict(mixed)
  function* generator() {
    yield* mixed
  }
  async function* asynchronous() {
    yield* mixed
  }
  const web = Readable.toWeb(Readable.from(mixed)) as ReadableStream<Picture>
  for (const source of [mixed, new Set(mixed), generator(), asynchronous(), Readable.from(mixed), web]) {
    const answers = await all(model.predictEach(source as Iterable<Picture>, { batchSize: 7 }))
    t.deepEqual(
      answers.map(({ file }) => file),
      expected.map(({ file }) => file),
    )
    for (const [index, answer] of answers.entries()) {
      if (answer.error) throw answer.error
      alike(t, answer.logits, expected[index]?.logits)
      t.is(answer.classes.length, 10)
    }
  }
})

test('no pictures have no answers', async t => {
  using model = newModel()
  t.deepEqual(await all(model.predictEach([])), [])
})

test('a picture is answered for before the next is given', async t => {
  using model = newModel()
  let answered = () => {}
  async function* pictures() {
    for (const path of jpegPaths.slice(0, 4)) {
      const answer = new Promise<void>(resolve => (answered = resolve))
      yield path
      await answer
    }
  }
  const files: string[] = []
  for await (const { file } of model.predictEach(pictures())) {
    files.push(file)
    answered()
  }
  t.deepEqual(files, jpegPaths.slice(0, 4))
})

test('pictures are read at most four batches ahead of the answers taken', async t => {
  using model = newModel()
  const { pictures, state } = endless()
  let taken = 0
  let ahead = 0
  for await (const _ of model.predictEach(pictures, { batchSize: 5 })) {
    taken += 1
    // The first answers are taken slowly, so that reading has all the time to run away.
    if (taken < 4) await wait(100)
    while (taken === 4 && state.given - taken <= 5) await wait(1)
    ahead = Math.max(ahead, state.given - taken)
    if (taken === 200) break
  }
  t.true(ahead > 5, 'the next are read meanwhile')
  t.true(ahead <= 4 * 5, `${ahead} ahead`)
  t.true(state.returned)
})

test('large pictures are read in smaller numbers', async t => {
  using model = newModel()
  const { pictures, state } = endless(Buffer.concat([jpeg, new Uint8Array(2 ** 23)]))
  let [taken, ahead] = [0, 0]
  for await (const _ of model.predictEach(pictures)) {
    taken += 1
    if (taken === 1) await wait(300)
    ahead = Math.max(ahead, state.given - taken)
    if (taken === 12) break
  }
  // Four of 8 MiB make a batch.
  t.true(ahead <= 4 * 4, `${ahead} ahead`)
})

test('a bad picture has its error as its answer, and the others theirs', async t => {
  const folder = await folderOf(t, { 'empty.jpg': '', 'text.jpg': 'no picture' })
  using model = newModel()
  const bad: Picture[] = [
    join(folder, 'none.jpg'),
    { name: 'cut', jpeg: jpeg.subarray(0, 700) },
    join(folder, 'empty.jpg'),
    new Uint8Array(9),
    join(folder, 'text.jpg'),
  ]
  const mixed = [...bad.flatMap((picture, index) => [jpegPaths[index] as string, picture]), jpegs[9] as Buffer]
  const answers = await all(model.predictEach(mixed))
  t.is(answers.length, mixed.length)
  for (const [index, answer] of answers.entries()) {
    const picture = mixed[index] as Picture
    if (index % 2 === 0) {
      if (answer.error) throw answer.error
      alike(t, answer.logits, (await model.predict(picture))[0]?.logits)
    } else {
      const { message } = await failsWith(t, () => model.predict(picture), { code: answer.error?.code as never })
      t.is(answer.error?.message, message.replace('image 0', `image ${index}`))
    }
  }
  t.deepEqual(
    answers.flatMap(({ error }) => error?.code ?? []),
    ['FILE_NOT_FOUND', 'TRUNCATED_JPEG', 'EMPTY_FILE', 'NOT_JPEG', 'NOT_JPEG'],
  )
  const onlyBad = await all(model.predictEach(bad))
  t.true(onlyBad.every(({ error }) => error !== undefined))
})

test('a picture that a transform does not fit is one of the bad ones', async t => {
  using model = newModel()
  const transform = [crop({ left: 0, top: 0, width: 32, height: 32 })]
  const small = fixture('variants/odd.jpg')
  const pictures = [small, jpegPaths[0] as string, 'none.jpg', small, jpegs[1] as Buffer, jpegPaths[2] as string]
  const answers = await all(model.predictEach(pictures, { transform }))
  t.deepEqual(
    answers.map(({ error }) => error?.code),
    ['SIZE_MISMATCH', undefined, 'FILE_NOT_FOUND', 'SIZE_MISMATCH', undefined, undefined],
  )
  for (const index of [1, 4, 5]) {
    const answer = answers[index] as PictureAnswer
    if (answer.error) throw answer.error
    alike(t, answer.logits, (await model.predict(pictures[index] as Picture, { transform }))[0]?.logits)
  }
})

test('damaged pictures are used if asked for, and doubted', async t => {
  using model = newModel()
  const cut = { name: 'cut', jpeg: jpeg.subarray(0, 700) }
  const [whole, damaged, none] = await all(model.predictEach([jpeg, cut, 'none.jpg'], { onError: 'use' }))
  if (!whole || whole.error || !damaged || damaged.error) throw new Error('both give coefficients')
  t.deepEqual(whole.warnings, [])
  t.regex(damaged.warnings[0]?.message ?? '', /Premature end/)
  t.is(none?.error?.code, 'FILE_NOT_FOUND')
})

test("the iterable's own error comes as it is after the answers to what came before, and return is not called", async t => {
  using model = newModel()
  const failure = new RangeError('the database went away')
  let returned = false
  const source = {
    [Symbol.asyncIterator]: () => ({
      count: 0,
      async next() {
        if (this.count === 3) throw failure
        return { done: false as const, value: jpegPaths[this.count++] as string }
      },
      async return() {
        returned = true
        return { done: true as const, value: undefined }
      },
    }),
  }
  const files: string[] = []
  const error = await t.throwsAsync(async () => {
    for await (const { file } of model.predictEach(source)) files.push(file)
  })
  t.is(error, failure)
  t.deepEqual(files, jpegPaths.slice(0, 3))
  t.false(returned)
})

test('whoever stops early returns a generator and destroys a stream', async t => {
  using model = newModel()
  const { pictures, state } = endless()
  for await (const { file } of model.predictEach(pictures, { batchSize: 2 })) {
    t.is(file, 'image 0')
    break
  }
  t.true(state.returned)
  const readable = new Readable({ objectMode: true, highWaterMark: 1, read: () => undefined })
  readable.push(jpegPaths[0])
  for await (const { file } of model.predictEach(readable)) {
    t.is(file, jpegPaths[0] as string)
    break
  }
  t.true(readable.destroyed)
  t.notThrows(() => model.dispose(), 'nothing runs any more')
})

test('an abort ends it between two answers, and while it waits for a picture that never comes', async t => {
  using model = newModel()
  const { pictures, state } = endless()
  const between = new AbortController()
  const reason = new Error('enough')
  let taken = 0
  const error = await failsWith(
    t,
    async () => {
      for await (const _ of model.predictEach(pictures, { batchSize: 2, signal: between.signal })) {
        taken += 1
        if (taken === 4) between.abort(reason)
      }
    },
    { code: 'ABORTED' },
  )
  t.is(error.cause, reason)
  t.true(state.returned && taken === 4, `${taken} taken`)

  const readable = new Readable({ objectMode: true, read: () => undefined })
  const waiting = new AbortController()
  const answers = all(model.predictEach(readable, { signal: waiting.signal }))
  await wait(5)
  waiting.abort()
  await failsWith(t, () => answers, { code: 'ABORTED' })
  t.true(readable.destroyed)
  await failsWith(t, () => all(model.predictEach([jpeg], { signal: waiting.signal })), { code: 'ABORTED' })
})

test('what is no picture ends it with its number, and returns the generator', async t => {
  using model = newModel()
  let returned = false
  function* pictures() {
    try {
      yield* [jpeg, jpegPaths[0] as string, 7 as never, jpeg]
    } finally {
      returned = true
    }
  }
  const files: string[] = []
  const action = async () => {
    for await (const { file } of model.predictEach(pictures())) files.push(file)
  }
  await failsWith(t, action, { code: 'INVALID_OPTION', path: 'predictEach.2', found: '7' })
  t.deepEqual(files, ['image 0', jpegPaths[0] as string])
  t.true(returned)
})

test('one picture is no iterable of pictures, and options are checked', async t => {
  using model = newModel()
  for (const one of [jpegPaths[0], { name: 'a', jpeg }, undefined]) {
    await failsWith(t, () => all(model.predictEach(one as never)), { code: 'INVALID_OPTION', path: 'predictEach' })
  }
  await failsWith(t, () => all(model.predictEach(jpeg as never)), { code: 'INVALID_OPTION', path: 'predictEach.0' })
  const { pictures, state } = endless()
  await failsWith(t, () => all(model.predictEach(pictures, { batchSize: 0 })), {
    code: 'INVALID_OPTION',
    path: 'predictEach.batchSize',
  })
  t.is(state.given, 0)
})

test('a stream is read once, an array again', async t => {
  using model = newModel()
  const readable = Readable.from(jpegPaths)
  t.is((await all(model.predictEach(readable))).length, 10)
  await failsWith(t, () => all(model.predictEach(readable)), { code: 'INVALID_OPTION', found: 'one that was' })
  for (let time = 0; time < 2; time++) t.is((await all(model.predictEach(jpegPaths))).length, 10)
})

test('a model that is disposed of while a stream waits ends it at the next picture', async t => {
  const model = newModel()
  let disposed = () => {}
  let returned = false
  async function* pictures() {
    try {
      yield jpeg
      await new Promise<void>(resolve => (disposed = resolve))
      yield jpeg
      yield* endless().pictures
    } finally {
      returned = true
    }
  }
  const answers = model.predictEach(pictures())
  t.is((await answers.next()).value?.error, undefined)
  model.dispose()
  disposed()
  await failsWith(t, () => answers.next(), { code: 'DISPOSED' })
  t.true(returned)
})
