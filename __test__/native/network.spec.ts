/** The border's own promises about networks: failures as data, one call at a time, memory that is told and given back. */
import test, { type ExecutionContext } from 'ava'
import { NativeNetwork, type BindingTensor } from '../../src-ts/native/addon.js'
import { failed, indices, labels, network, sgd, spec, tenPictures } from './handles.js'

const wrongSpec = test.macro({
  exec(t: ExecutionContext, text: string, expected: { code: string; message: RegExp }) {
    failed(t, NativeNetwork.create(text, 0), expected)
  },
  title: (title = '') => `a definition ${title} is a failure that says so`,
})

test('that is not JSON', wrongSpec, '{ "input": ', { code: 'INVALID_DEFINITION', message: /EOF|end/i })
test('without an input', wrongSpec, '{ "nodes": [] }', { code: 'INVALID_DEFINITION', message: /input/ })
test('with an unknown field', wrongSpec, JSON.stringify({ ...spec, colour: 'red' }), {
  code: 'INVALID_DEFINITION',
  message: /colour/,
})
test('of no nodes', wrongSpec, JSON.stringify({ ...spec, nodes: [] }), {
  code: 'INVALID_DEFINITION',
  message: /expected .+, found /,
})
test(
  'whose channels do not fit',
  wrongSpec,
  JSON.stringify(spec).replace('"type":"conv2d"', '"type":"conv2d","inputChannels":64'),
  { code: 'SHAPE_MISMATCH', message: /^conv: expected 64 input channels, found 3$/ },
)

test('a second call before the first has ended is BUSY, and the first gives its answer', async t => {
  const [net, set] = [network(), await tenPictures()]
  const first = net.trainStep(set, indices(), labels(), sgd)
  const others = [net.trainStep(set, indices(), labels(), sgd), net.predict(set, indices(), {}), net.state(true)]
  for (const other of others) failed(t, await other, { code: 'BUSY', path: 'Network' })
  const step = await first
  t.true('loss' in step && Number.isFinite(step.loss))
  t.true((await net.predict(set, indices(), {})) instanceof Float32Array, 'and then it is free again')
})

test('a network is not freed while a call runs', async t => {
  const [net, set] = [network(), await tenPictures()]
  const step = net.trainStep(set, indices(), labels(), sgd)
  t.false(net.dispose())
  t.true('loss' in (await step))
  t.true(net.dispose())
})

test('every verb of a network that was disposed of is DISPOSED', async t => {
  const [net, set] = [network(), await tenPictures()]
  await net.trainStep(set, indices(), labels(), sgd)
  t.true(net.dispose())
  t.true(net.dispose(), 'twice does no harm')
  const expected = { code: 'DISPOSED', path: 'Network' }
  failed(t, await net.trainStep(set, indices(), labels(), sgd), expected)
  failed(t, await net.predict(set, indices(), {}), expected)
  failed(t, await net.state(true), expected)
  failed(t, await net.load([]), expected)
  failed(t, await net.loadOptimizer([]), expected)
  failed(t, await net.save('/nowhere/a.model', {}, false), expected)
})

test('pictures that the set has not, and sets that were disposed of, are refused', async t => {
  const [net, set] = [network(), await tenPictures()]
  const beyond = Uint32Array.of(0, 10)
  failed(t, await net.predict(set, beyond, {}), {
    code: 'INVALID_OPTION',
    path: 'index',
    message: /a number below 10, found 10/,
  })
  failed(t, await net.trainStep(set, beyond, Uint32Array.of(0, 1), sgd), { code: 'INVALID_OPTION', path: 'index' })
  set.dispose()
  failed(t, await net.predict(set, indices(), {}), { code: 'DISPOSED', path: 'JpegSet' })
})

test('a call keeps the pictures it was given when their set is disposed of', async t => {
  const [net, set] = [network(), await tenPictures()]
  const expected = await net.predict(set, indices(), {})
  const prediction = net.predict(set, indices(), {})
  set.dispose()
  t.is(set.length, 0)
  t.deepEqual(await prediction, expected)
})

test('options that no engine has are refused before anything changes', async t => {
  const [net, set] = [network(), await tenPictures()]
  const before = await net.state(true)
  const unknown = { ...sgd, optimizer: 'rmsprop' as 'sgd' }
  failed(t, await net.trainStep(set, indices(), labels(), unknown), {
    code: 'INVALID_OPTION',
    message: /sgd, adam or adamw, found rmsprop/,
  })
  failed(t, await net.trainStep(set, indices(), labels(), { ...sgd, learningRate: NaN }), { code: 'INVALID_OPTION' })
  failed(t, await net.trainStep(set, indices(), labels().subarray(1), sgd), { code: 'INVALID_OPTION' })
  for (const mode of [
    { mode: 'guess' as 'exact' },
    { mode: 'approximated', masking: 'guess' as 'asm', frequencies: 6 },
    { mode: 'approximated', masking: 'asm' },
    { mode: 'band-limited', frequencies: 16 },
    { frequencies: 6 },
  ] as const) {
    failed(t, await net.predict(set, indices(), mode), { code: 'INVALID_OPTION' })
  }
  t.deepEqual(await net.state(true), before)
})

test('inputs are copied: what JavaScript writes after a call does not reach it', async t => {
  const [net, same, set] = [network(), network(), await tenPictures()]
  const [numbers, classes] = [indices(), labels()]
  const step = net.trainStep(set, numbers, classes, sgd)
  numbers.fill(0)
  classes.fill(1)
  t.deepEqual(await step, await same.trainStep(set, indices(), labels(), sgd))

  const tensors = (await net.state(false)) as BindingTensor[]
  const given = tensors.map(tensor => ({ ...tensor, values: tensor.values.slice() }))
  const load = same.load(given)
  given.forEach(({ values }) => values.fill(7))
  await load
  t.deepEqual(await same.state(false), tensors)
})

test('the event loop turns while a step runs', async t => {
  const [net, set] = [network(), await tenPictures()]
  let [turns, done] = [0, false]
  const step = net.trainStep(set, indices(20), labels(20), sgd).finally(() => (done = true))
  while (!done) {
    await new Promise(resolve => setImmediate(resolve))
    turns++
  }
  await step
  t.true(turns > 10, `${turns} turns`)
})

test('a network tells the collector its bytes and takes them back', async t => {
  // V8 counts for the whole process: nothing may happen between two of its answers.
  const [net, set] = [network(), await tenPictures()]
  t.is(net.bytes, 0, 'nothing is drawn before the first call')
  await net.trainStep(set, indices(), labels(), sgd)
  t.true(net.bytes > 10 * 3 * 32 * 32 * 4, `the pictures' pixels alone are more than ${net.bytes}`)
  const [none, all] = [network().reportMemory(), net.reportMemory()]
  t.is(all - none, net.bytes)
  t.is(net.reportMemory(), all, 'once')
  net.dispose()
  t.is(net.bytes, 0)
  t.is(network().reportMemory(), none)
})
