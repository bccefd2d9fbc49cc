import { readFile, writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import test from 'ava'
import { createModel, loadModel, paperResnet, readSafetensors, writeSafetensors } from '../../src-ts/index.js'
import { fixture, folderOf, jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { COMMAND, finished, jpegnet } from './command.js'

const tenFiles = Object.fromEntries(jpegs.map((jpeg, index) => [`${index % 2 ? 'odd' : 'even'}/${index}.jpg`, jpeg]))
const quick = ['--batch-size', '5', '--seed', '3']

test('inspect says what a file holds, as text and as JSON', async t => {
  const [, path] = jpegPaths as [string, string]
  const text = await jpegnet(['inspect', path])
  t.regex(text.lines[0] ?? '', /32×32, 4:4:4, sequential$/)
  const { json } = await jpegnet(['inspect', ...jpegPaths, '--json'])
  t.is(json.length, 10)
  t.like(json[3], { width: 32, height: 32, sampling: '4:2:0', progressive: true })
  t.true((json[3]?.['sparseBytes'] as number) > 0)
})

test('train, evaluate, predict and export work on the model that train saved', async t => {
  const folder = await folderOf(t, tenFiles)
  const out = join(await temporaryFolder(t), 'small.model')
  const trained = await jpegnet(['train', folder, '--out', out, '--test', folder, '--epochs', '2', ...quick, '--json'])
  t.is(trained.code, 0, trained.stderr)
  const epochs = trained.json.filter(({ type }) => type === 'epoch')
  t.like(epochs[1], { type: 'epoch', epoch: 2, test: { images: 10 } })
  t.true(
    epochs.every(({ loss, accuracy, imagesPerSecond }) => [loss, accuracy, imagesPerSecond].every(Number.isFinite)),
  )

  const evaluated = await jpegnet(['evaluate', out, folder, '--json'])
  t.like(evaluated.json[0], { images: 10 })
  t.is(evaluated.json[0]?.['accuracy'], (evaluated.json[0]?.['correct'] as number) / 10)

  const predicted = await jpegnet(['predict', out, ...jpegPaths.slice(0, 3), '--top', '1', '--json'])
  t.is(predicted.json.length, 3)
  for (const { logits, classes } of predicted.json) {
    t.is((logits as number[]).length, 2)
    t.true(['even', 'odd'].includes((classes as { label: string }[])[0]?.label ?? ''))
  }

  const weights = join(await temporaryFolder(t), 'weights.safetensors')
  const exported = await jpegnet(['export', out, '--out', weights])
  t.is(exported.code, 0, exported.stderr)
  const { tensors } = await readSafetensors(weights)
  t.true(tensors.some(({ name }) => name === 'block2.downsample.1.running_var'))
  t.false(tensors.some(({ name }) => name.startsWith('optimizer.')))
  const back = join(await temporaryFolder(t), 'back.model')
  t.is((await jpegnet(['convert', weights, '--model', 'paper', '--out', back])).code, 0)
})

test('stopping after an epoch and resuming gives the same weights as not stopping', async t => {
  const folder = await folderOf(t, tenFiles)
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

test('Ctrl-C during a training ends it and keeps the last checkpoint', async t => {
  const folder = await folderOf(t, tenFiles)
  const out = join(await temporaryFolder(t), 'stopped.model')
  const args = ['train', folder, '--out', out, '--epochs', '100000', ...quick, '--json']
  const { code, stderr } = await jpegnet(args, { interrupt: /"epoch":3/ })
  t.is(code, 130, stderr)
  t.regex(stderr, /--resume/)
  const model = await loadModel(out)
  t.true((model.training?.epoch ?? 0) >= 3)
  model.dispose()
})

test('a full disk leaves the model that was there', async t => {
  const folder = await folderOf(t, tenFiles)
  const out = join(await temporaryFolder(t), 'kept.model')
  t.is((await jpegnet(['train', folder, '--out', out, '--epochs', '1', ...quick])).code, 0)
  const before = await readFile(out)
  // A limit on the size of files, in KiB, gives the same error as a full disk would: a write that fails half-way.
  const limited = `trap '' XFSZ; ulimit -f 64; exec "$0" "$@"`
  const args = ['-c', limited, process.execPath, COMMAND, 'train', folder, '--out', out, '--epochs', '1', ...quick]
  const { code, stderr } = await finished(spawn('bash', args))
  t.is(code, 1, stderr)
  t.regex(stderr, /kept\.model: expected to write the file, found /)
  t.deepEqual(await readFile(out), before)
})

/** Each makes a wrong command line and says what its one line on stderr must contain. */
const wrong: Record<string, (folder: string) => Promise<[string[], RegExp]> | [string[], RegExp]> = {
  'a missing file': folder => [['inspect', join(folder, 'none.jpg')], /none\.jpg: expected a file, found none/],
  'an empty file': folder => [
    ['inspect', join(folder, 'bad/empty.jpg')],
    /empty\.jpg: expected a JPEG file, found an empty one/,
  ],
  'a truncated file': folder => [['inspect', join(folder, 'bad/cut.jpg')], /cut\.jpg: expected a whole JPEG file/],
  'a file that is no JPEG': folder => [['inspect', join(folder, 'bad/text.jpg')], /text\.jpg: expected a JPEG file/],
  'a CMYK file': () => [['inspect', fixture('variants/cmyk.jpg')], /expected gray or YCbCr components, found CMYK/],
  'a missing folder': folder => [['train', join(folder, 'none'), '--out', 'x'], /none: expected a folder, found none/],
  'a folder with no classes': folder => [['train', join(folder, 'bad'), '--out', 'x'], /expected a folder with/],
  'a folder with one class': async folder => {
    await writeFile(join(folder, 'one/a.jpg'), jpegs[0] as Buffer)
    return [['train', join(folder, 'single'), '--out', 'x'], /at least two classes, found one/]
  },
  'a class folder with damaged files': folder => [['train', join(folder, 'damaged'), '--out', 'x'], /cut\.jpg/],
  'pictures of another size': folder => [
    ['evaluate', join(folder, 'small.model'), join(folder, 'sizes')],
    /expected a picture of 64×64 pixels, found 32×32/,
  ],
  'pictures whose size no grid fits': folder => [
    ['train', join(folder, 'odd'), '--out', 'x'],
    /multiples of 8, found 27×19 pixels/,
  ],
  'zero epochs': folder => [['train', folder, '--out', 'x', '--epochs', '0'], /--epochs.*at least 1, found 0/],
  'a learning rate that is no number': folder => [
    ['train', folder, '--out', 'x', '--learning-rate', 'NaN'],
    /--learning-rate.*found NaN/,
  ],
  'an infinite weight decay': folder => [
    ['train', folder, '--out', 'x', '--weight-decay', 'Infinity'],
    /found Infinity/,
  ],
  'frequencies out of range': folder => [
    ['train', folder, '--out', 'x', '--frequencies', '16'],
    /from 1 to 15, found 16/,
  ],
  'a model that is not there': folder => [
    ['predict', join(folder, 'none.model'), 'a.jpg'],
    /none\.model: expected a file/,
  ],
  'weights without a definition': () => [
    ['predict', fixture('reference/paper_resnet.safetensors'), 'a.jpg'],
    /expected a model that jpegnet saved/,
  ],
  'a model of another version': folder => [
    ['predict', join(folder, 'future.model'), 'a.jpg'],
    /expected a model of format version 1, found version 9/,
  ],
  'a model of another shape': folder => [['predict', join(folder, 'shape.model'), 'a.jpg'], /fc\.weight of shape/],
  'weights that are not numbers': folder => [['predict', join(folder, 'nan.model'), 'a.jpg'], /expected finite/],
}

for (const [what, make] of Object.entries(wrong)) {
  test(`${what}: exit code 1 and one line that says so`, async t => {
    const folder = await folderOf(t, {
      'bad/empty.jpg': new Uint8Array(),
      'bad/cut.jpg': jpegs[0]?.subarray(0, 400) ?? '',
      'bad/text.jpg': 'hello',
      'one/': '',
      'single/a/a.jpg': jpegs[0] as Buffer,
      'damaged/a/good.jpg': jpegs[0] as Buffer,
      'damaged/b/cut.jpg': jpegs[1]?.subarray(0, 400) ?? '',
      'sizes/0/a.jpg': jpegs[0] as Buffer,
      'sizes/1/b.jpg': jpegs[1] as Buffer,
      'odd/a/a.jpg': await readFile(fixture('variants/odd.jpg')),
      'odd/b/b.jpg': await readFile(fixture('variants/odd.jpg')),
    })
    const small = createModel(paperResnet({ height: 64, width: 64, classes: 2 }))
    await small.save(join(folder, 'small.model'))
    small.dispose()
    const { metadata, tensors } = await readSafetensors(join(folder, 'small.model'))
    const change = (
      name: string,
      edit: (values: Float32Array, shape: number[]) => { values: Float32Array; shape: number[] },
    ) =>
      tensors.map(tensor =>
        tensor.name === name ? { ...tensor, ...edit(tensor.values.slice(), tensor.shape) } : tensor,
      )
    await writeSafetensors(join(folder, 'future.model'), { tensors, metadata: { ...metadata, 'jpegnet.version': '9' } })
    await writeSafetensors(join(folder, 'shape.model'), {
      metadata,
      tensors: change('fc.weight', values => ({ values: values.subarray(0, 64), shape: [1, 64] })),
    })
    await writeSafetensors(join(folder, 'nan.model'), {
      metadata,
      tensors: change('fc.bias', (values, shape) => ({ values: values.fill(NaN), shape })),
    })
    const [args, said] = await make(folder)
    const { code, lines, stderr } = await jpegnet(args)
    t.is(code, 1, stderr)
    t.regex(stderr, said)
    t.is(stderr.trimEnd().split('\n').length, 1, stderr)
    t.deepEqual(lines, [])
  })
}

test('damaged files can be skipped, and are counted and named', async t => {
  const folder = await folderOf(t, { ...tenFiles, 'even/cut.jpg': jpegs[0]?.subarray(0, 400) ?? '' })
  const out = join(await temporaryFolder(t), 'm.model')
  const { code, stderr } = await jpegnet(['train', folder, '--out', out, '--epochs', '1', ...quick, '--skip-bad-files'])
  t.is(code, 0, stderr)
  t.regex(stderr, /1 file was skipped:\n.*cut\.jpg: expected a whole JPEG file/)
})

test('help and version say what they should', async t => {
  const help = await jpegnet(['--help'])
  t.is(help.code, 0)
  for (const command of ['inspect', 'train', 'evaluate', 'predict', 'convert', 'export']) {
    t.true(help.lines.some(line => line.trim().startsWith(command)))
  }
  t.regex((await jpegnet(['--version'])).lines[0] ?? '', /^jpegnet \d+\.\d+\.\d+ \(/)
})
