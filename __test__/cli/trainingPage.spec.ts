/** `jpegnet train --report`: a page of the training, whatever its end. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { jpegFolder, jpegList, loadModel } from '../../src-ts/index.js'
import { folderOf, inTwoFolders, jpegs } from '../fixtures/pictures.js'
import { COMMAND, jpegnet } from './command.js'

const quick = ['--model', 'paper', '--size', '32', '--batch-size', '5', '--epochs', '2']
/** Longer than anybody waits for. */
const long = [...quick.slice(0, -1), '100000']

test('a training writes a page of its curves, its test and the command that repeats it', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const [out, report] = [join(folder, 'a.model'), join(folder, 'a b.html')]
  const args = ['train', folder, '--test', folder, '--out', out, '--report', report, ...quick]
  const { code, stderr } = await jpegnet(args)
  t.is(code, 0, stderr)
  t.true(stderr.endsWith(`wrote ${report}\n`))
  const html = await readFile(report, 'utf8')
  t.true(html.includes(`<h1>a.model, trained on ${folder}</h1>`))
  for (const chart of ['loss', 'accuracy', 'learning rate'])
    t.true(html.includes(`aria-label="${chart} over the epochs"`))
  using model = await loadModel(out)
  const { worst, accuracy } = await model.evaluate(jpegFolder(folder))
  t.is(html.split('src="data:image/jpeg').length - 1, worst.length)
  t.true(html.includes(`<strong>${(100 * accuracy).toFixed(2)} %</strong>`))
  t.true(html.includes(`--report &#39;${report}&#39; --model paper`))
  t.is((await jpegnet([...args, '--force'])).code, 0, 'a page is replaced by the next')
})

test('a training that is ended has its page too', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const report = join(folder, 'a.html')
  const args = ['train', folder, '--out', join(folder, 'a.model'), '--report', report, '--json', ...long]
  const { code } = await jpegnet(args, { interrupt: /"type":"epoch","epoch":2/ })
  t.is(code, 130)
  t.regex(await readFile(report, 'utf8'), /It had done \d+ of 100000 epochs/)
})

test('what is no page, or would be lost, is refused before anything is read', async t => {
  const folder = await folderOf(t, { ...inTwoFolders(10), 'photo.html': jpegs[0] as Buffer })
  const refused = async (report: string, message: RegExp) => {
    const args = ['train', folder, '--out', join(folder, 'a.model'), '--report', join(folder, report), '--force']
    const { code, stderr } = await jpegnet([...args, ...quick])
    t.is(code, 1)
    t.regex(stderr, message)
  }
  await refused('photo.html', /--report: expected no JPEG file there, found .*photo\.html/)
  await refused('a.csv', /--report: expected a name ending in \.html, found .*a\.csv/)
  await refused('none/a.html', /none\/a\.html: expected a file that can be written, found no folder/)
  t.deepEqual(await readFile(join(folder, 'photo.html')), jpegs[0])
})

test('a page that cannot be written costs no model', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const [out, report] = [join(folder, 'a.model'), join(folder, 'a.html')]
  const args = ['train', folder, '--out', out, '--report', report, '--json', ...long]
  const child = spawn(process.execPath, [COMMAND, ...args])
  let [stdout, stderr] = ['', '']
  let isInTheWay: Promise<unknown> | undefined
  child.stderr.on('data', (some: Buffer) => (stderr += some.toString()))
  child.stdout.on('data', (some: Buffer) => {
    stdout += some.toString()
    if (stdout.includes('"epoch"')) isInTheWay ??= mkdir(report).then(() => child.kill('SIGINT'))
  })
  await once(child, 'close')
  t.regex(stderr, /a\.html: expected to write the page, found .*; the model is not touched by that\n/)
  t.true((await stat(out)).size > 0)
  t.not(child.exitCode, 0)
})

test('a page of a training that was resumed tells of its best epoch, also of one before', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const files = (label: string) =>
    readdir(join(folder, label)).then(names => names.map(name => join(folder, label, name)))
  const [even, odd] = await Promise.all(['even', 'odd'].map(files))
  // What is learned makes the test worse, so that an early epoch is the best.
  const rows = [...(even ?? []).map(file => `${file},odd`), ...(odd ?? []).map(file => `${file},even`)]
  const list = join(folder, 'opposite.csv')
  await writeFile(list, ['file,label', ...rows].map(line => `${line}\n`).join(''))
  const [out, report] = [join(folder, 'a.model'), join(folder, 'a.html')]
  const train = ['train', folder, '--test', list, '--out', out, '--report', report, ...quick.slice(0, -2)]
  const tuned = ['--optimizer', 'sgd', '--learning-rate', '0.05', '--schedule', 'constant']
  const first = await jpegnet([...train, ...tuned, '--epochs', '6'])
  t.is(first.code, 0, first.stderr)
  const best = Number(/the weights after epoch (\d+), the best/.exec(await readFile(report, 'utf8'))?.[1])
  t.true(best < 6)
  const resumed = await jpegnet(['train', folder, '--test', list, '--resume', out, '--report', report, '--epochs', '8'])
  t.is(resumed.code, 0, resumed.stderr)
  using model = await loadModel(out)
  t.is(model.training?.best?.epoch, best)
  const { loss } = await model.evaluate(jpegList(list))
  const html = await readFile(report, 'utf8')
  t.true(html.includes(`Tests are of the weights after epoch ${best}, the best on these files, which are kept.`))
  t.true(html.includes(`<th scope="row">test loss</th><td>${loss.toFixed(4)}</td>`))
})
