import { join } from 'node:path'
import test from 'ava'
import { readSafetensors } from '../../src-ts/index.js'
import { folderOf, jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { inShell, jpegnet } from './command.js'

const tenFiles = Object.fromEntries(jpegs.map((jpeg, index) => [`${index % 2 ? 'odd' : 'even'}/${index}.jpg`, jpeg]))
const quick = ['--batch-size', '5', '--seed', '3']

test('inspect says what a file holds, as text and as JSON', async t => {
  const [, path] = jpegPaths as [string, string]
  const text = await jpegnet(['inspect', path])
  t.regex(text.lines[0] ?? '', /32×32, ycbcr, 4:4:4, baseline$/)
  const { json } = await jpegnet(['inspect', ...jpegPaths, '--json'])
  t.is(json.length, 10)
  t.like(json[3], { width: 32, height: 32, sampling: '4:2:0', coding: 'progressive' })
  t.true((json[3]?.['sparseBytes'] as number) > 0)
})

test('inspect names a bad file, goes on with the others and ends with 1', async t => {
  const folder = await folderOf(t, { 'bad.jpg': 'no', 'cut.jpg': jpegs[0]?.subarray(0, 700) ?? '' })
  const [first, second] = jpegPaths as [string, string]
  const files = [first, join(folder, 'bad.jpg'), second, join(folder, 'cut.jpg')]
  const strict = await jpegnet(['inspect', ...files, '--json'])
  t.deepEqual(
    strict.json.map(({ file }) => file),
    [first, second],
  )
  t.is(strict.code, 1)
  t.regex(strict.stderr, /^jpegnet: .*bad\.jpg: expected a JPEG file.*\njpegnet: .*cut\.jpg: expected a whole.*\n$/)
  const lenient = await jpegnet(['inspect', ...files, '--json', '--use-damaged-files'])
  t.is(lenient.json.length, 3)
  t.regex(JSON.stringify(lenient.json[2]?.['warnings']), /Premature end of JPEG file/)
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
  t.true(tensors.some(({ name }) => name === 'layer3.2.bn2.running_var'))
  t.false(tensors.some(({ name }) => name.startsWith('optimizer.')))
  const back = join(await temporaryFolder(t), 'back.model')
  t.is((await jpegnet(['convert', weights, '--model', 'cifar-resnet20', '--out', back])).code, 0)
})

test('damaged files can be skipped, and are counted and named', async t => {
  const folder = await folderOf(t, { ...tenFiles, 'even/cut.jpg': jpegs[0]?.subarray(0, 400) ?? '' })
  const out = join(await temporaryFolder(t), 'm.model')
  const { code, stderr } = await jpegnet(['train', folder, '--out', out, '--epochs', '1', ...quick, '--skip-bad-files'])
  t.is(code, 0, stderr)
  t.regex(stderr, /1 file was skipped:\n.*cut\.jpg: expected a whole JPEG file/)
})

test('damaged files can be used, and are counted and named', async t => {
  const cut = jpegs[0]?.subarray(0, 700) ?? ''
  const folder = await folderOf(t, { ...tenFiles, 'even/cut.jpg': cut })
  const out = join(await temporaryFolder(t), 'm.model')
  const use = '--use-damaged-files'
  const trained = await jpegnet(['train', folder, '--out', out, '--epochs', '1', ...quick, use])
  t.is(trained.code, 0, trained.stderr)
  t.regex(trained.stderr, /1 file was used in spite of damage:\n.*cut\.jpg: .*Premature end of JPEG file/)
  const evaluated = await jpegnet(['evaluate', out, folder, use, '--json'])
  t.like(evaluated.json[0], { images: 11, warned: 1 })
  const predicted = await jpegnet(['predict', out, join(folder, 'even/cut.jpg'), use, '--json'])
  t.regex(predicted.stderr, /cut\.jpg: .*Premature end/)
  t.regex(JSON.stringify(predicted.json[0]?.['warnings']), /Premature end/)
  const both = await jpegnet(['train', folder, '--skip-bad-files', use])
  t.regex(both.stderr, /expected nothing beside --skip-bad-files, found both/)
})

test('help and version say what they should', async t => {
  const help = await jpegnet(['--help'])
  t.is(help.code, 0)
  for (const command of ['inspect', 'train', 'evaluate', 'predict', 'convert', 'export']) {
    t.true(help.lines.some(line => line.trim().startsWith(command)))
    const { code, lines } = await jpegnet([command, '--help'])
    t.is(code, 0)
    t.true(
      lines.some(line => line.startsWith(`  jpegnet ${command} `)),
      `${command} has an example`,
    )
  }
  t.regex((await jpegnet(['--version'])).lines[0] ?? '', /^jpegnet \d+\.\d+\.\d+ \(/)
})

test('quiet leaves results alone', async t => {
  const folder = await folderOf(t, tenFiles)
  const out = join(await temporaryFolder(t), 'm.model')
  const args = ['train', folder, '--out', out, '--epochs', '1', ...quick]
  const loud = await jpegnet(args)
  t.regex(loud.stderr, /10 images in memory[^]*saved .*m\.model/)
  const { code, lines, stderr } = await jpegnet([...args, '--force', '--quiet'])
  t.is(code, 0)
  t.is(lines.length, 1)
  t.is(stderr, '')
})

test('a reader that leaves early ends the command without a word', async t => {
  const many = Array.from({ length: 400 }, () => jpegPaths).flat()
  const { code, lines, stderr } = await inShell('set -o pipefail; "$@" | head -1', ['inspect', ...many])
  t.is(code, 141)
  t.is(lines.length, 1)
  t.is(stderr, '')
})
