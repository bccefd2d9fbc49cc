/** What the command takes as DATA: folders, lists, archives, stdin; and how it splits and inspects them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { readSafetensors } from '../../src-ts/index.js'
import { tarOf } from '../fixtures/archive.js'
import { folderOf, inTwoFolders, jpegs } from '../fixtures/pictures.js'
import { COMMAND, inShell, jpegnet } from './command.js'

const quick = ['--epochs', '1', '--batch-size', '5', '--seed', '3']

/** A folder of twenty pictures in two classes, and the same as lists and archives. */
async function everyKind(t: ExecutionContext): Promise<string> {
  const files = inTwoFolders(20)
  const lines = Object.keys(files).map(file => `train/${file},${file.slice(0, file.indexOf('/'))}`)
  const within = Object.fromEntries(Object.entries(files).map(([file, jpeg]) => [`train/${file}`, jpeg]))
  // An archive of the folder's order, which a training without a shuffle follows.
  const sorted = Object.fromEntries(Object.entries(within).sort(([a], [b]) => (a < b ? -1 : 1)))
  return folderOf(t, {
    ...within,
    'train.csv': lines.toSorted().join('\n'),
    'train.txt': lines.map(line => line.replace(',', ' ')).join('\n'),
    'train.tar': await tarOf(sorted),
    'train.tar.gz': gzipSync(await tarOf(sorted)),
  })
}

test('a folder, a list, an archive and stdin train the same weights', async t => {
  const folder = await everyKind(t)
  const at = (name: string) => join(folder, name)
  const trained = async (data: string) => {
    const args = ['train', data, '--out', at('a.model'), '--force', ...quick, '--no-shuffle']
    const { code, stderr } = await (data === '-' ? inShell(`"$@" < ${at('train.tar')}`, args) : jpegnet(args))
    t.is(code, 0, stderr)
    t.regex(stderr, /2 classes of 10 images each\n20 images in memory[^\n]*\nno images to test on: /)
    return (await readSafetensors(at('a.model'))).tensors
  }
  const expected = await trained(at('train'))
  for (const data of ['train.csv', 'train.tar', 'train.tar.gz']) t.deepEqual(await trained(at(data)), expected, data)
  t.deepEqual(await trained('-'), expected)
})

test('any of them can be tested on and evaluated', async t => {
  const folder = await everyKind(t)
  const at = (name: string) => join(folder, name)
  const args = ['train', at('train.txt'), '--test', at('train.tar'), '--out', at('a.model'), ...quick, '--json']
  const { code, json, stderr } = await jpegnet(args)
  t.is(code, 0, stderr)
  t.like(json.find(({ type }) => type === 'start') as object, { balance: { ratio: 1 } })
  t.like(json.find(({ type }) => type === 'epoch') as object, { test: { images: 20 } })
  const answers = []
  for (const data of ['train', 'train.csv', 'train.tar.gz']) {
    answers.push((await jpegnet(['evaluate', at('a.model'), at(data), '--json'])).json[0])
  }
  answers.push((await inShell(`cat ${at('train.tar')} | "$@"`, ['evaluate', at('a.model'), '-', '--json'])).json[0])
  for (const answer of answers) t.like(answer, { images: 20, correct: answers[0]?.['correct'] as number })
})

test('of an archive of several sets, one folder can be named', async t => {
  const both = inTwoFolders(6)
  const within = (set: string) => Object.entries(both).map(([file, jpeg]) => [`all/${set}/${file}`, jpeg] as const)
  const archive = Object.fromEntries([...within('train'), ...within('test').slice(0, 4)])
  const folder = await folderOf(t, { 'both.tar': await tarOf(archive) })
  const data = (set: string) => `${join(folder, 'both.tar')}:all/${set}`
  const { code, json, stderr } = await jpegnet([
    ...['train', data('train'), '--test', data('test'), '--out', join(folder, 'a.model'), ...quick, '--json'],
  ])
  t.is(code, 0, stderr)
  t.like(json.find(({ type }) => type === 'start') as object, { images: 6 })
  t.like(json.find(({ type }) => type === 'epoch') as object, { test: { images: 4 } })
  const piped = (data: string) => inShell(`"$@" < ${join(folder, 'both.tar')}`, ['inspect', data, '--json'])
  t.like((await piped('stdin:all/test')).json[0], { images: 4 })
  t.regex((await piped('-')).stderr, /stdin:train in a command.*found train and test, each with classes/)
  const nothing = await jpegnet(['inspect', data('valid')])
  t.is(nothing.code, 1)
  t.regex(nothing.stderr, /both\.tar, folder all\/valid: expected images, found none/)
})

test('a folder with train, val and test is learned from, tested on and left, each as its name says', async t => {
  const files = Object.entries(inTwoFolders(6))
  const part = (name: string, count: number) => files.slice(0, count).map(([file, jpeg]) => [`${name}/${file}`, jpeg])
  const all = Object.fromEntries([...part('set/train', 6), ...part('set/val', 4), ...part('set/test', 2)]) as object
  const folder = await folderOf(t, { ...all, 'set/odd ones/1.jpg': jpegs[0] as Buffer })
  const [data, out] = [join(folder, 'set'), join(folder, 'a.model')]
  const { code, json, stderr } = await jpegnet(['train', folder, '--out', out, ...quick, '--json'])
  t.is(code, 0, stderr)
  t.true(stderr.includes(`${folder}: ${data}/odd ones is no part of it, and is not read`), stderr)
  t.true(
    stderr.includes(`learns from ${data}/train, tests on ${data}/val (--test names another), leaves ${data}/test for`),
  )
  t.like(json.find(({ type }) => type === 'start') as object, { images: 6 })
  t.like(json.find(({ type }) => type === 'epoch') as object, { test: { images: 4 } })
  const evaluated = await jpegnet(['evaluate', out, folder, '--json'])
  t.like(evaluated.json[0], { images: 2 }, evaluated.stderr)
  t.true(evaluated.stderr.includes(`${folder} stands for ${data}/test`))
  const inspected = await jpegnet(['inspect', data, '--json'])
  t.deepEqual(
    inspected.json.map(({ images }) => images),
    [6, 4, 2],
  )
})

test('a split tests on a share of each class, the same one when the training is resumed', async t => {
  const folder = await everyKind(t)
  const [data, half, rest, whole] = ['train.tar', 'half.model', 'rest.model', 'whole.model'].map(name =>
    join(folder, name),
  ) as [string, string, string, string]
  const split = ['--split', '0.2', '--batch-size', '5', '--schedule', 'constant']
  const first = await jpegnet(['train', data, ...split, '--seed', '3', '--epochs', '1', '--out', half])
  t.is(first.code, 0, first.stderr)
  t.regex(first.stderr, /16 images to learn, 4 to test on\n2 classes of 8 images each\n20 images in memory/)
  const resumed = await jpegnet(['train', data, ...split, '--epochs', '2', '--resume', half, '--out', rest, '--json'])
  const straight = await jpegnet(['train', data, ...split, '--seed', '3', '--epochs', '2', '--out', whole, '--json'])
  t.is(resumed.code, 0, resumed.stderr)
  t.like(straight.json.findLast(({ type }) => type === 'epoch') as object, { epoch: 2, test: { images: 4 } })
  const [expected, found] = await Promise.all([readSafetensors(whole), readSafetensors(rest)])
  t.deepEqual(found.tensors, expected.tensors)
})

test('classes that are not even are told in one line', async t => {
  const folder = await folderOf(t, { ...inTwoFolders(10), 'rare/1.jpg': jpegs[0] as Buffer })
  const { stderr } = await jpegnet(['train', folder, '--out', join(folder, 'a.model'), ...quick])
  t.regex(stderr, /^3 classes of 1 \(rare\) to 5 images \(even\)$/m)
})

test('inspect reports on a folder, a list or an archive, as text and as JSON', async t => {
  const folder = await everyKind(t)
  const reports = []
  for (const name of ['train', 'train.csv', 'train.tar.gz']) {
    const { code, json, stderr } = await jpegnet(['inspect', join(folder, name), '--json'])
    t.is(code, 0, stderr)
    reports.push({ ...json[0], source: '', bytes: 0 })
  }
  for (const report of reports) t.deepEqual(report, reports[0])
  t.like(reports[0], { images: 20, sizes: [{ width: 32, height: 32, count: 20 }] })
  const { lines } = await jpegnet(['inspect', join(folder, 'train.tar')])
  t.regex(lines[0] ?? '', /train\.tar: 20 images, [\d,]+ bytes as files, [\d,]+ in memory$/)
  t.regex(lines.join('\n'), /2 classes, all alike\n +even +10 +50\.00 %\n +odd +10 +50\.00 %\n +sizes: 32×32 \(20\)\n/)
  const mixed = await jpegnet(['inspect', join(folder, 'train'), join(folder, 'train/even/0.jpg'), '--json'])
  t.like(mixed.json[0], { images: 20 })
  t.like(mixed.json[1], { width: 32 })
})

test('inspect leaves out what cannot be used and names it', async t => {
  const folder = await folderOf(t, { ...inTwoFolders(4), 'odd/cut.jpg': (jpegs[0] as Buffer).subarray(0, 99) })
  const { code, lines, stderr } = await jpegnet(['inspect', folder])
  t.is(code, 0)
  t.regex(lines[0] ?? '', /: 4 images/)
  t.regex(stderr, /1 file was skipped:\n.*cut\.jpg: expected a whole JPEG file/)
})

test('what cannot be read as DATA ends the command with one line that says so', async t => {
  const folder = await everyKind(t)
  const at = (name: string) => join(folder, name)
  await writeFile(at('bad.csv'), 'train/even/0.jpg,even\nrubbish\n')
  await writeFile(at('notes.md'), 'hello')
  await writeFile(at('cut.tar'), (await tarOf(inTwoFolders(4))).subarray(0, 5000))
  await mkdir(at('single/only'), { recursive: true })
  const wrong: [string[], RegExp][] = [
    [[at('bad.csv')], /bad\.csv: expected a path and a label on each line, found line 2 has one field/],
    [[at('none.tar')], /none\.tar: expected a tar archive, found none/],
    [[at('cut.tar')], /cut\.tar: expected a tar archive, .* found one that is cut off after even\/\d\.jpg/],
    [[at('notes.md')], /notes\.md: expected a folder, a list .* or a tar archive .*, found a file of another name/],
    [[at('train.tar'), '--memory', '15kB'], /memory: expected room for all images of .*train\.tar/],
    [[at('train'), '--split', '0.5', '--test', at('train')], /--split: expected nothing beside --test, found 0\.5/],
    [[at('train'), '--split', '1'], /--split.*above 0 and below 1, found 1/],
  ]
  for (const [args, said] of wrong) {
    const { code, lines, stderr } = await jpegnet(['train', ...args, '--out', at('x.model'), '--epochs', '1'])
    t.is(code, 1, stderr)
    t.regex(stderr, said)
    t.is(stderr.trimEnd().split('\n').length, 1, stderr)
    t.deepEqual(lines, [])
  }
})

;(process.platform === 'linux' && existsSync('/usr/bin/script') ? test : test.skip)(
  'a terminal shows a bar for files whose number is known, and how many so far of those that come as a stream',
  async t => {
    const folder = await folderOf(t, { ...inTwoFolders(600), 'stream.tar': await tarOf(inTwoFolders(600)) })
    const shown = async (data: string) =>
      (await inShell(`script -qec "$* inspect ${data}" /dev/null`, [])).lines.join('')
    t.regex(await shown(join(folder, 'stream.tar')), /reading files: 256\b/)
    t.regex(await shown(folder), /reading files [█░]+ \d+\/600/)
  },
)

test('Ctrl-C while stdin gives nothing ends the command', async t => {
  const archive = await tarOf(inTwoFolders(1000))
  const folder = await folderOf(t, {})
  const child = spawn(process.execPath, [COMMAND, 'train', '-', '--out', join(folder, 'x.model')])
  let said = ''
  child.stderr.on('data', (text: Buffer) => (said += text.toString()))
  child.stdin.on('error', () => undefined)
  // More than a pipe holds: once it is taken, the command is reading.
  child.stdin.write(archive.subarray(0, archive.length >> 1), () => child.kill('SIGINT'))
  const [code] = (await once(child, 'close')) as [number | null]
  t.is(code, 130, said)
  t.regex(said, /nothing was saved/)
})
