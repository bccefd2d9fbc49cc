/** Answers of `jpegnet predict` and rows of `jpegnet evaluate` as files for other programs. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { parse } from 'csv-parse/sync'
import { createModel, paperResnet, type Evaluation } from '../../src-ts/index.js'
import { folderOf, jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { COMMAND, jpegnet } from './command.js'

/** The path of an untrained model of three classes, one of which begins like a formula. */
async function modelIn(t: ExecutionContext, labels = ['ant', '=bee()', '-7.5']): Promise<string> {
  const path = join(await temporaryFolder(t), 'a.model')
  using model = createModel(paperResnet({ classes: labels.length }), { labels, seed: 1 })
  await model.save(path)
  return path
}

type Row = Record<string, string>
const rowsOf = (text: string): Row[] => parse(text, { columns: true })

/** Files whose names a CSV file must quote or a spreadsheet would run. */
const ODD = ['=1+1.jpg', 'two, "three"\nfour.jpg', 'plain.jpg']

test('predict prints rows that a CSV reader takes apart, bad files among them', async t => {
  const model = await modelIn(t)
  const folder = await folderOf(t, {
    ...Object.fromEntries(ODD.map((name, index) => [name, jpegs[index] as Buffer])),
    'zzz.jpg': 'no',
  })
  const args = ['predict', model, folder, '--top', '2']
  const { code, lines } = await jpegnet([...args, '--csv'])
  t.is(code, 1)
  const rows = rowsOf(lines.join('\n'))
  t.deepEqual(Object.keys(rows[0] ?? {}), ['file', 'label', 'probability', 'label_2', 'probability_2', 'error'])
  const { json } = await jpegnet([...args, '--json'])
  t.is(rows.length, 4)
  for (const [index, { file, classes, error }] of (json as unknown as Answer[]).entries()) {
    const row = rows[index] as Row
    t.is(row['file'], file)
    t.is(row['error'], error?.message ?? '')
    const [first, second] = classes ?? []
    // What comes at once is one batch, and answers depend on batches by rounding.
    t.true(Math.abs(Number(row['probability']) - (first?.probability ?? 0)) < 1e-4)
    t.true(Math.abs(Number(row['probability_2']) - (second?.probability ?? 0)) < 1e-4)
    t.is(row['label']?.replace(/^'/, ''), first?.label ?? '')
  }
})

interface Answer {
  file: string
  classes?: { label: string; probability: number }[]
  error?: { message: string }
}

test('no cell is a formula: paths begin with ./, names with an apostrophe, and numbers stay numbers', async t => {
  const model = await modelIn(t)
  const folder = await folderOf(t, { '=1+1.jpg': jpegs[0] as Buffer, '-x.jpg': jpegs[1] as Buffer })
  const child = spawn(process.execPath, [COMMAND, 'predict', model, '--stdin', '--csv'], { cwd: folder })
  child.stdin.end('=1+1.jpg\n-x.jpg\n')
  let text = ''
  child.stdout.on('data', (some: Buffer) => (text += some.toString()))
  await once(child, 'close')
  const rows = rowsOf(text)
  t.deepEqual(
    rows.map(({ file }) => file),
    ['./=1+1.jpg', './-x.jpg'],
  )
  for (const row of rows) {
    const labels = ['label', 'label_2', 'label_3'].map(column => row[column])
    t.deepEqual(labels.toSorted(), ["'=bee()", '-7.5', 'ant'].toSorted())
  }
})

test('answers go to a file of either kind, and nothing to stdout', async t => {
  const model = await modelIn(t)
  const folder = await folderOf(t, { 'bad.jpg': 'no' })
  for (const name of ['answers.csv', 'answers.jsonl']) {
    const out = join(folder, name)
    const args = ['predict', model, ...jpegPaths, join(folder, 'bad.jpg'), '--out', out]
    const { code, lines, stderr } = await jpegnet(args)
    t.is(code, 1)
    t.deepEqual(lines, [])
    t.is(stderr, `wrote ${out}: 11 files, 1 of which could not be classified\n`)
    const text = await readFile(out, 'utf8')
    const files = name.endsWith('csv')
      ? rowsOf(text).map(({ file }) => file)
      : text
          .trim()
          .split('\n')
          .map(line => (JSON.parse(line) as Answer).file)
    t.deepEqual(files, [...jpegPaths, join(folder, 'bad.jpg')])
    const again = await jpegnet(args)
    t.regex(again.stderr, /--force to replace the one that is there/)
    t.is((await jpegnet([...args, '--force'])).code, 1)
  }
  t.deepEqual((await readdir(folder)).toSorted(), ['answers.csv', 'answers.jsonl', 'bad.jpg'])
})

test('a prediction that is ended keeps the answers that it has', async t => {
  const model = await modelIn(t)
  const folder = await temporaryFolder(t)
  const out = join(folder, 'answers.csv')
  const child = spawn(process.execPath, [COMMAND, 'predict', model, '--stdin', '--out', out])
  let stderr = ''
  child.stderr.on('data', (some: Buffer) => (stderr += some.toString()))
  child.stdin.write(`${jpegPaths.join('\n')}\n`)
  // The file is there aside once the model is, and the signal is listened for before.
  while (!(await readdir(folder)).some(name => name.endsWith('.writing'))) await new Promise(setImmediate)
  child.kill('SIGINT')
  await once(child, 'close')
  t.is(child.exitCode, 130)
  t.regex(stderr, /stopped; wrote .*answers\.csv: \d+ files?\n$/)
  t.deepEqual(await readdir(folder), ['answers.csv'])
  const told = Number(/: (\d+) file/.exec(stderr)?.[1])
  t.is(rowsOf(await readFile(out, 'utf8')).length, told)
})

test('answers that cannot be put in their place are an error that leaves nothing behind', async t => {
  const model = await modelIn(t)
  const folder = await temporaryFolder(t)
  const out = join(folder, 'answers.csv')
  const child = spawn(process.execPath, [COMMAND, 'predict', model, '--stdin', '--out', out])
  let stderr = ''
  child.stderr.on('data', (some: Buffer) => (stderr += some.toString()))
  while (!(await readdir(folder)).some(name => name.endsWith('.writing'))) await new Promise(setImmediate)
  await mkdir(out)
  child.stdin.end(jpegPaths[0])
  await once(child, 'close')
  t.is(child.exitCode, 1)
  t.regex(stderr, /^jpegnet: .*answers\.csv: expected to write the file, found .*\n$/)
  t.deepEqual(await readdir(folder), ['answers.csv'])
})

test('options of answers that contradict each other are refused before anything is read', async t => {
  const [file = ''] = jpegPaths
  const refused = async (args: string[], message: RegExp) => {
    const { code, stderr } = await jpegnet(['predict', 'none.model', file, ...args])
    t.is(code, 1)
    t.regex(stderr, message)
  }
  await refused(['--csv', '--json'], /--csv: expected nothing beside --json/)
  await refused(['--out', 'a.csv', '--json'], /--out: expected no --json beside it/)
  await refused(['--out', 'a.txt'], /--out: expected a name ending in \.csv or \.jsonl, found a\.txt/)
})

test('evaluate writes a page, JSON of all that it found and a row a picture', async t => {
  const labels = ['ant', 'bee', 'cat', 'dog', 'elk', 'fox']
  const model = await modelIn(t, labels)
  const files = Object.fromEntries(jpegs.map((jpeg, index) => [`data/${labels[index % 6]}/${index}.jpg`, jpeg]))
  const folder = await folderOf(t, { ...files, 'data/ant/bad.jpg': 'no' })
  const [page, json, csv] = ['a.html', 'a.json', 'a.csv'].map(name => join(folder, name)) as [string, string, string]
  const outs = [page, json, csv].flatMap(out => ['--out', out])
  const args = ['evaluate', model, join(folder, 'data'), '--skip-bad-files', '--json']
  const { code, json: printed, stderr } = await jpegnet([...args, ...outs])
  t.is(code, 0, stderr)
  const found = printed[0] as unknown as Evaluation
  const { skipped, ...saved } = JSON.parse(await readFile(json, 'utf8')) as Evaluation & { command: string }
  t.deepEqual(
    skipped.map(({ file }) => file),
    [join(folder, 'data/ant/bad.jpg')],
  )
  t.like(saved, { model, data: join(folder, 'data'), confusion: found.confusion, perClass: found.perClass })
  t.true(saved.command.startsWith(`jpegnet evaluate ${model} `))
  const rows = rowsOf(await readFile(csv, 'utf8'))
  t.deepEqual(Object.keys(rows[0] ?? {}), ['file', 'label', 'said', 'probability', 'label_probability'])
  t.is(rows.length, 10)
  t.is(rows.filter(({ label, said }) => label === said).length, found.correct)
  t.is(rows.filter(({ file, label }) => file?.includes(`/${label}/`)).length, 10)
  const html = await readFile(page, 'utf8')
  t.is(html.split('src="data:image/jpeg').length - 1, found.worst.length)
  t.true(html.includes('<h1>a.model on '))
  const twice = await jpegnet([...args, '--out', page, '--out', join(folder, 'b.html')])
  t.regex(twice.stderr, /--out: expected one file of a kind/)
})

test('an evaluation that fails leaves no file behind', async t => {
  const model = await modelIn(t, ['ant', 'bee'])
  const folder = await folderOf(t, { 'data/ant/1.jpg': jpegs[0] as Buffer, 'data/elk/2.jpg': jpegs[1] as Buffer })
  const out = join(folder, 'a.csv')
  await writeFile(out, 'what was there')
  const { code } = await jpegnet(['evaluate', model, join(folder, 'data'), '--out', out, '--force'])
  t.is(code, 1)
  t.is(await readFile(out, 'utf8'), 'what was there')
  t.deepEqual((await readdir(folder)).toSorted(), ['a.csv', 'data'])
})
