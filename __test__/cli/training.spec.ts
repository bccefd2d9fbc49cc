import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { loadModel, readSafetensors } from '../../src-ts/index.js'
import { folderOf, inTwoFolders, temporaryFolder } from '../fixtures/pictures.js'
import { inShell, jpegnet } from './command.js'

const quick = ['--batch-size', '5', '--seed', '3']

test('stopping after an epoch and resuming gives the same weights as not stopping', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const scratch = await temporaryFolder(t)
  const whole = join(scratch, 'whole.model')
  const half = join(scratch, 'half.model')
  const rest = join(scratch, 'rest.model')
  const options = [...quick, '--schedule', 'constant', '--optimizer', 'sgd', '--learning-rate', '0.01']
  t.is((await jpegnet(['train', folder, '--out', whole, '--epochs', '4', ...options])).code, 0)
  t.is((await jpegnet(['train', folder, '--out', half, '--epochs', '2', ...options])).code, 0)
  const resumed = await jpegnet(['train', folder, '--resume', half, '--out', rest, '--epochs', '4', '--json'])
  t.is(resumed.code, 0, resumed.stderr)
  t.is(resumed.json.filter(({ type }) => type === 'epoch').length, 2)
  const [expected, found] = await Promise.all([readSafetensors(whole), readSafetensors(rest)])
  t.deepEqual(found.tensors, expected.tensors)
})

test('Ctrl-C during a training keeps the last checkpoint, and resuming it equals not stopping', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const scratch = await temporaryFolder(t)
  const [stopped, resumed, whole] = ['stopped', 'resumed', 'whole'].map(name => join(scratch, `${name}.model`)) as [
    string,
    string,
    string,
  ]
  const args = ['train', folder, '--out', stopped, '--epochs', '100000', '--schedule', 'constant', ...quick, '--json']
  const { code, stderr } = await jpegnet(args, { interrupt: /"epoch":3/ })
  t.is(code, 130, stderr)
  t.regex(stderr, /stopped\.model holds the model after (step|epoch) \d+.* --resume .*stopped\.model/)
  using model = await loadModel(stopped)
  const { epoch = 0 } = model.training ?? {}
  t.true(epoch >= 3, stderr)

  const epochs = ['--epochs', `${epoch + 2}`]
  t.is((await jpegnet(['train', folder, '--resume', stopped, '--out', resumed, ...epochs])).code, 0)
  t.is((await jpegnet(['train', folder, '--out', whole, ...epochs, '--schedule', 'constant', ...quick])).code, 0)
  const [expected, found] = await Promise.all([readSafetensors(whole), readSafetensors(resumed)])
  t.deepEqual(found.tensors, expected.tensors)
})

for (const [signal, ended] of [
  ['SIGINT', { code: 130 }],
  ['SIGTERM', { code: 143 }],
  ['SIGHUP', { signal: 'SIGHUP' }],
] as const) {
  test(`${signal} within an epoch saves what the last step left, and resuming equals not stopping`, async t => {
    const folder = await folderOf(t, inTwoFolders(20))
    const scratch = await temporaryFolder(t)
    const [stopped, whole] = [join(scratch, 'stopped.model'), join(scratch, 'whole.model')]
    const train = ['train', folder, '--batch-size', '2', '--seed', '3', '--schedule', 'constant']
    // No machine is so slow that the signal comes after the last epoch.
    const endless = [...train, '--epochs', '100000', '--save-every', '7', '--json', '--out', stopped]
    const { stderr, ...outcome } = await jpegnet(endless, { interrupt: /"type":"checkpoint"/, signal })
    t.like(outcome, ended, stderr)
    t.regex(stderr, /stopped; .*stopped\.model holds the model after (step|epoch) \d+.* --resume .*stopped\.model/)
    using model = await loadModel(stopped)
    const { step = 0, epoch = 0 } = model.training ?? {}
    t.true(step >= 7)
    const epochs = ['--epochs', `${epoch + 1}`]
    t.is((await jpegnet(['train', folder, '--resume', stopped, '--out', stopped, ...epochs])).code, 0)
    t.is((await jpegnet([...train, ...epochs, '--out', whole])).code, 0)
    const [expected, found] = await Promise.all([readSafetensors(whole), readSafetensors(stopped)])
    t.deepEqual(found.tensors, expected.tensors)
  })
}

test('a reader that leaves ends a training in order: what it has learned is saved', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'm.model')
  const train = ['train', folder, '--out', out, '--epochs', '100000', ...quick, '--json']
  const { code, stderr } = await inShell('"$@" | head -1 >/dev/null; exit ${PIPESTATUS[0]}', train)
  t.is(code, 141, stderr)
  t.regex(stderr, /stopped; .*m\.model holds the model after/)
  using model = await loadModel(out)
  t.true((model.training?.step ?? 0) > 0)
})

test('with a test set the best weights are saved, and the best and the last epoch are told', async t => {
  const folder = await folderOf(t, inTwoFolders(30))
  const scratch = await temporaryFolder(t)
  const train = async (name: string, ...more: string[]) => {
    const out = join(scratch, `${name}.model`)
    const args = ['train', folder, '--split', '0.4', '--out', out, '--epochs', '6', ...quick, ...more]
    const outcome = await jpegnet(args)
    t.is(outcome.code, 0, outcome.stderr)
    return { ...outcome, out }
  }
  const best = await train('best')
  t.regex(best.lines.at(-1) ?? '', /best on the test set: accuracy|the last epoch was the best on the test set/)
  t.regex(best.lines.at(-1) ?? '', /; the best weights are saved$/)
  using model = await loadModel(best.out)
  const history = model.training?.history ?? []
  const accuracies = history.map(({ test }) => test?.accuracy ?? NaN)
  t.is(model.trained?.test?.accuracy, Math.max(...accuracies))
  t.is(model.training?.settings.keepBest, 'accuracy')
  const last = await train('last', '--no-keep-best')
  t.regex(last.lines.at(-1) ?? '', /^epoch 6: /)
  using other = await loadModel(last.out)
  t.deepEqual(
    await other.parameters(),
    await model.parameters({ weights: model.trained?.test?.epoch === 6 ? 'best' : 'live' }),
  )
})

test('a second Ctrl-C does not wait for the step', async t => {
  const folder = await folderOf(t, inTwoFolders(3000))
  const out = join(await temporaryFolder(t), 'none.model')
  // One step that takes many seconds on any machine.
  const step = ['--model', 'cifar-resnet56', '--batch-size', '100', '--accumulate', '30']
  const args = ['train', folder, '--out', out, ...step, '--json']
  const twice = { interrupt: /"type":"start"/, interruptAgain: /Ctrl-C again/ }
  const { signal, stderr } = await jpegnet(args, twice)
  t.is(signal, 'SIGINT', stderr)
  t.false(stderr.includes('stopped'))
})

test('resuming a training that is done says so and still saves', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const scratch = await temporaryFolder(t)
  const [done, copy] = [join(scratch, 'done.model'), join(scratch, 'copy.model')]
  t.is((await jpegnet(['train', folder, '--out', done, '--epochs', '2', ...quick])).code, 0)
  const { code, lines, stderr } = await jpegnet(['train', folder, '--resume', done, '--out', copy])
  t.is(code, 0, stderr)
  t.deepEqual(lines, [])
  t.regex(stderr, /done\.model had done all 2 epochs/)
  t.deepEqual(await readFile(copy), await readFile(done))
})

test('resuming with another network or normalisation than the model has is refused', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'm.model')
  const train = ['train', folder, '--out', out]
  t.is((await jpegnet([...train, '--model', 'paper', '--epochs', '1', '--mean', '0.4', ...quick])).code, 0)
  const resume = [...train, '--resume', out, '--epochs', '2']
  const before = await readFile(out)
  for (const other of ['--mean=0.3', '--std=0.1,0.2,0.3', '--model=cifar-resnet20']) {
    const { code, stderr } = await jpegnet([...resume, other])
    t.is(code, 1, stderr)
    t.regex(stderr, new RegExp(`^jpegnet: ${other.split('=')[0]}: expected .*m\\.model has it, found`))
  }
  t.deepEqual(await readFile(out), before)
  t.is((await jpegnet([...resume, '--mean', '0.4', '--model', 'paper'])).code, 0)
})

test('a full disk leaves the model that was there', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'kept.model')
  t.is((await jpegnet(['train', folder, '--out', out, '--epochs', '1', ...quick])).code, 0)
  const before = await readFile(out)
  // A limit on the size of files, in KiB, gives the same error as a full disk would: a write that fails half-way.
  const limited = `trap '' XFSZ; ulimit -f 64; exec "$@"`
  const { code, stderr } = await inShell(limited, ['train', folder, '--out', out, '--force', '--epochs', '1', ...quick])
  t.is(code, 1, stderr)
  t.regex(stderr, /kept\.model: expected to write the file, found /)
  t.deepEqual(await readFile(out), before)
})
