/** Flags about how a training goes. */
import { join } from 'node:path'
import test from 'ava'
import { loadModel } from '../../src-ts/index.js'
import { folderOf, inTwoFolders, temporaryFolder } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

test('every option of a training has its flag, and the checkpoint keeps it', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'm.model')
  const train = [
    'train',
    folder,
    '--out',
    out,
    '--test',
    folder,
    '--model',
    'paper',
    '--epochs',
    '2',
    '--batch-size',
    '2',
    '--seed',
    '3',
  ]
  const flags = [
    ['--accumulate', '2'],
    ['--label-smoothing', '0.1'],
    ['--clip-norm', '1'],
    ['--freeze', 'block1.conv1,*.bn1'],
    ['--no-freeze-statistics'],
    ['--group', 'fc:factor=10,decay=0', '--group', 'block2.conv1,block3:rate=0.01'],
    ['--average', '0.9'],
    ['--patience', '5', '--min-delta', '0.01', '--stop-metric', 'accuracy', '--no-restore-best'],
  ].flat()
  const { code, json, stderr } = await jpegnet([...train, ...flags, '--save-every', '2', '--json'])
  t.is(code, 0, stderr)
  t.like(
    json.find(({ type }) => type === 'stop'),
    { reason: 'epochs', metric: 'accuracy', restored: false },
  )
  using model = await loadModel(out)
  t.like(model.training?.settings, {
    accumulate: 2,
    labelSmoothing: 0.1,
    clip: { norm: 1 },
    freeze: ['block1.conv1', '*.bn1'],
    freezeStatistics: false,
    groups: [
      { layers: ['fc'], factor: 10, weightDecay: 0 },
      { layers: ['block2.conv1', 'block3'], learningRate: 0.01 },
    ],
    average: { decay: 0.9 },
    earlyStopping: { patience: 5, minDelta: 0.01, metric: 'accuracy', restoreBest: false },
  })
  const off = ['--clip-value', '0', '--average', '0', '--patience', '0', '--freeze', '', '--epochs', '3']
  const resumed = await jpegnet([...train, '--resume', out, ...off])
  t.is(resumed.code, 0, resumed.stderr)
  using without = await loadModel(out)
  t.like(without.training?.settings, { clip: false, average: false, earlyStopping: false, freeze: [], accumulate: 2 })
})

test('a training that stops early says why, and that nothing is left to resume', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'm.model')
  const args = [
    'train',
    folder,
    '--test',
    folder,
    '--out',
    out,
    '--patience',
    '2',
    '--min-delta',
    '100',
    '--batch-size',
    '5',
  ]
  const { code, lines, stderr } = await jpegnet(args)
  t.is(code, 0, stderr)
  t.regex(
    lines.at(-1) ?? '',
    /^stopped after epoch 3: no better for 2 epochs; best on the test set: loss [\d.]+ after epoch 1; the last, epoch 3: [\d.]+; the best weights are saved$/,
  )
  const resumed = await jpegnet(['train', folder, '--test', folder, '--resume', out, '--out', out])
  t.is(resumed.code, 0, resumed.stderr)
  t.regex(resumed.stderr, /had stopped early; --patience says/)
})

const wrongFlags = test.macro(async (t, flags: string[], message: RegExp) => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'm.model')
  const { code, stderr } = await jpegnet(['train', folder, '--out', out, '--model', 'paper', '--epochs', '1', ...flags])
  t.is(code, 1, stderr)
  t.regex(stderr, message)
})

test('a group without options is refused', wrongFlags, ['--group', 'fc'], /Expected layers:rate=x.* found fc\./)
test('a group of a made-up option is refused', wrongFlags, ['--group', 'fc:speed=2'], /found fc:speed=2\./)
test('a group of a made-up number is refused', wrongFlags, ['--group', 'fc:factor=x'], /at least 0, found x\./)
test('two ways to clip are refused', wrongFlags, ['--clip-norm', '1', '--clip-value', '1'], /--clip-value: expected/)
test('a least difference without patience is refused', wrongFlags, ['--min-delta', '1'], /--patience/)
test('patience without a test is refused', wrongFlags, ['--patience', '1'], /train\.test: expected images/)
test('a layer that is not there is refused', wrongFlags, ['--freeze', 'blok1'], /\(block1\?\), found "blok1"/)
