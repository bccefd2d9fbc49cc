/** `jpegnet predict MODEL --stdin`: a stream of paths in, a stream of answers out. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import test, { type ExecutionContext } from 'ava'
import { createModel, paperResnet } from '../../src-ts/index.js'
import { folderOf, jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { COMMAND, inShell, jpegnet } from './command.js'

/** The path of an untrained model. */
async function modelIn(t: ExecutionContext): Promise<string> {
  const path = join(await temporaryFolder(t), 'a.model')
  using model = createModel(paperResnet(), { seed: 1 })
  await model.save(path)
  return path
}

/** The command while it runs, and the lines that it has written and nobody has taken. */
function running(t: ExecutionContext, args: readonly string[]) {
  const child = spawn(process.execPath, [COMMAND, ...args])
  t.teardown(() => child.kill())
  const lines = () => createInterface({ input: child.stdout, crlfDelay: Infinity })[Symbol.asyncIterator]()
  return { child, lines }
}

const logitsOf = (json: Record<string, unknown>[]) => json.map(({ logits }) => logits as number[])

test('paths on stdin get the lines that they get as arguments, in their order', async t => {
  const model = await modelIn(t)
  const flags = ['--top', '2', '--frequencies', '8']
  const given = await jpegnet(['predict', model, ...jpegPaths, '--json', ...flags])
  const input = `${jpegPaths.slice(0, 5).join('\n')}\n\n${jpegPaths.slice(5).join('\r\n')}`
  const { code, json, stderr } = await jpegnet(['predict', model, '--stdin', '--json', ...flags], { input })
  t.is(code, 0, stderr)
  t.deepEqual(
    json.map(({ file }) => file),
    jpegPaths,
  )
  for (const [index, row] of logitsOf(json).entries()) {
    const errors = row.map((logit, at) => Math.abs(logit - (logitsOf(given.json)[index]?.[at] ?? NaN)))
    t.true(errors.length === 10 && Math.max(...errors) < 1e-4)
  }
  t.is((json[0]?.['classes'] as unknown[]).length, 2)
  t.deepEqual(Object.keys(json[0] ?? {}), Object.keys(given.json[0] ?? {}))
  const text = await jpegnet(['predict', model, '--stdin', ...flags], { input })
  t.is(text.lines.length, 10)
  t.regex(text.lines[9] ?? '', /9\.jpg: \d \d+\.\d+ %, \d \d+\.\d+ %$/)
})

test('paths with NUL after each may hold line ends', async t => {
  const model = await modelIn(t)
  const folder = await folderOf(t, { 'two\nlines.jpg': jpegs[0] as Buffer, 'b.jpg': jpegs[1] as Buffer })
  const files = [join(folder, 'two\nlines.jpg'), join(folder, 'b.jpg')]
  const { code, json } = await jpegnet(['predict', model, '--stdin', '-0', '--json'], {
    input: `${files.join('\0')}\0`,
  })
  t.is(code, 0)
  t.deepEqual(
    json.map(({ file }) => file),
    files,
  )
})

test('a bad file has a line that says why, the others theirs, and the command ends with 1', async t => {
  const model = await modelIn(t)
  const folder = await folderOf(t, { 'cut.jpg': jpegs[0]?.subarray(0, 700) ?? '', 'text.jpg': 'no' })
  const [first, second] = jpegPaths as [string, string]
  const cut = join(folder, 'cut.jpg')
  const input = [first, join(folder, 'none.jpg'), cut, join(folder, 'text.jpg'), second].join('\n')
  const { code, json, stderr } = await jpegnet(['predict', model, '--stdin', '--json'], { input })
  t.is(code, 1)
  t.is(stderr, '')
  t.is(json.length, 5)
  t.deepEqual(json[1], {
    file: join(folder, 'none.jpg'),
    error: { code: 'FILE_NOT_FOUND', message: `${join(folder, 'none.jpg')}: expected a file, found none` },
  })
  t.deepEqual(
    json.map(({ error }) => (error as { code: string } | undefined)?.code),
    [undefined, 'FILE_NOT_FOUND', 'TRUNCATED_JPEG', 'NOT_JPEG', undefined],
  )
  t.is((json[4]?.['logits'] as number[]).length, 10)

  const text = await jpegnet(['predict', model, '--stdin'], { input })
  t.is(text.code, 1)
  t.is(text.lines.length, 2)
  t.regex(
    text.stderr,
    /^jpegnet: .*none\.jpg: expected.*\njpegnet: .*cut\.jpg: expected.*\njpegnet: .*text\.jpg: .*\n$/,
  )

  const use = ['predict', model, '--stdin', '--use-damaged-files']
  const used = await jpegnet([...use, '--json'], { input: cut })
  t.is(used.code, 0)
  t.regex(JSON.stringify(used.json[0]?.['warnings']), /Premature end/)
  const usedText = await jpegnet(use, { input: cut })
  t.regex(usedText.stderr, /cut\.jpg: used in spite of damage: Premature end/)
})

test('folders, lists and files get the lines of all their pictures, a bad one said beside them', async t => {
  const model = await modelIn(t)
  const [one, two, three] = jpegs as [Buffer, Buffer, Buffer]
  const folder = await folderOf(t, {
    ...{ 'new/b.jpg': one, 'new/deep/a.JFIF': two, 'new/c.jpg': 'no', 'new/.hidden.jpg': one, 'new/notes.txt': '' },
    ...{ 'list.txt': 'other/a b.jpg\nnew/b.jpg\n', 'list.csv': 'file\nnew/b.jpg', 'other/a b.jpg': three },
    'none/notes.png': '',
  })
  const at = (name: string) => join(folder, name)
  const args = [at('new'), at('list.txt'), at('list.csv'), at('other/a b.jpg')]
  const answered = ['new/b.jpg', 'new/deep/a.JFIF', 'other/a b.jpg', 'new/b.jpg', 'new/b.jpg', 'other/a b.jpg']
  const { code, lines, stderr } = await jpegnet(['predict', model, ...args])
  t.is(code, 1)
  t.deepEqual(
    lines.map(line => line.slice(0, line.indexOf(': '))),
    answered.map(at),
  )
  t.regex(stderr, /^jpegnet: .*new\/c\.jpg: expected a JPEG file/m)
  t.regex(stderr, /new: 1 other file is not read/)
  const { code: none, stderr: said } = await jpegnet(['predict', model, at('none')])
  t.is(none, 1)
  t.regex(said, /none: expected JPEG files \(\.jpg, .*\), found none, but other files \(1 \.png; convert/)
})

test('the first path is answered for before stdin ends, and each after it', async t => {
  const { child, lines } = running(t, ['predict', await modelIn(t), '--stdin', '--json'])
  const answers = lines()
  for (const path of jpegPaths.slice(0, 3)) {
    child.stdin.write(`${path}\n`)
    const { value } = await answers.next()
    t.is((JSON.parse(value as string) as { file: string }).file, path)
  }
  child.stdin.end(jpegPaths[3])
  t.regex((await answers.next()).value as string, /3\.jpg/)
  t.true((await answers.next()).done)
  if (child.exitCode === null) await once(child, 'close')
  t.is(child.exitCode, 0)
})

test('paths are read no faster than their answers are', async t => {
  const { child, lines } = running(t, ['predict', await modelIn(t), '--stdin', '--json'])
  // A long way to the same file, so that few answers are many bytes of paths.
  const path = (jpegPaths[0] as string).replace('/jpegs/', `/jpegs/${'./'.repeat(1000)}`)
  const OFFERED = 20_000
  let taken = 0
  let stalled = false
  while (taken < OFFERED && !stalled) {
    taken += 1
    if (child.stdin.write(`${path}\n`)) continue
    const drained = once(child.stdin, 'drain').then(() => true)
    stalled = !(await Promise.race([drained, wait(3000, false)]))
  }
  t.true(taken < 2000, `${taken} paths of ${OFFERED} were taken though no answer was`)
  child.stdin.end()
  let answered = 0
  for await (const line of { [Symbol.asyncIterator]: lines }) {
    t.true(line.startsWith('{"file":'))
    answered += 1
  }
  t.is(answered, taken)
})

test('a reader that leaves early ends the command without a word', async t => {
  const model = await modelIn(t)
  const { code, lines, stderr } = await inShell(`set -o pipefail; yes ${jpegPaths[0]} 2>/dev/null | "$@" | head -2`, [
    'predict',
    model,
    '--stdin',
    '--json',
  ])
  t.true(code === 141 || code === 1, `${code}`)
  t.is(lines.length, 2)
  t.is(stderr, '')
})

const refuses = test.macro(
  async (t, args: readonly string[], input: string | undefined, code: number, message: RegExp) => {
    const model = await modelIn(t)
    const outcome = await jpegnet(['predict', model, ...args], input === undefined ? {} : { input })
    t.is(outcome.code, code)
    t.regex(outcome.stderr, message)
    t.is(outcome.stderr.trim().split('\n').length, 1)
    t.deepEqual(outcome.lines, [])
  },
)
test('without a file and --stdin it is no command', refuses, [], undefined, 2, /missing required argument 'file'/)
test(
  'files beside --stdin are refused',
  refuses,
  ['--stdin', 'a.jpg'],
  '',
  1,
  /--stdin: expected no files.*found a\.jpg/,
)
test('--null is for --stdin', refuses, ['--null', 'a.jpg'], undefined, 1, /--null: expected --stdin beside it/)
test(
  'what is no path ends it',
  refuses,
  ['--stdin'],
  'x'.repeat(99_999),
  1,
  /stdin: expected paths of at most 32767 char/,
)
test('no paths have no answers', async t => {
  const { code, lines, stderr } = await jpegnet(['predict', await modelIn(t), '--stdin'], { input: '' })
  t.deepEqual([code, lines, stderr], [0, [], ''])
})
