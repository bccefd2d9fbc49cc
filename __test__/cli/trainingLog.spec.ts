/** `--log`: what is written of a training while it goes on. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { folderOf, inTwoFolders, temporaryFolder } from '../fixtures/pictures.js'
import { inShell, jpegnet } from './command.js'

const HEADER =
  'epoch,step,time,seconds,learning_rate,loss,accuracy,images_per_second,test_loss,test_accuracy,best_epoch'

async function prepared(t: ExecutionContext, kind: string) {
  const [folder, scratch] = await Promise.all([folderOf(t, inTwoFolders(20)), temporaryFolder(t)])
  const [out, log] = [join(scratch, 'm.model'), join(scratch, `run.${kind}`)]
  const train = ['train', folder, '--batch-size', '5', '--schedule', 'constant', '--log', log]
  const lines = async () => (await readFile(log, 'utf8')).split('\n').filter(line => line !== '')
  return { folder, scratch, out, log, train, lines }
}

test('a log has a row an epoch, and a resumed training adds to it', async t => {
  const { out, train, lines, log } = await prepared(t, 'csv')
  const first = await jpegnet([...train, '--out', out, '--split', '0.4', '--epochs', '2'])
  t.is(first.code, 0, first.stderr)
  const [header, ...rows] = await lines()
  t.is(header, HEADER)
  t.deepEqual(
    rows.map(row => row.split(',').slice(0, 2)),
    [
      ['1', '3'],
      ['2', '6'],
    ],
  )
  for (const row of rows) {
    const cells = row.split(',')
    t.is(cells.length, HEADER.split(',').length)
    t.false(Number.isNaN(Date.parse(cells[2] as string)))
    t.true(
      cells.every((cell, index) => index === 2 || Number.isFinite(Number(cell))),
      row,
    )
  }
  // What a killed process wrote of an epoch that comes again, and in part.
  await writeFile(log, `${[header, ...rows, rows[1]?.replace(/^2/, '3')].join('\n')}\n4,12,20`)
  const resumed = await jpegnet([...train, '--out', out, '--resume', out, '--split', '0.4', '--epochs', '3'])
  t.is(resumed.code, 0, resumed.stderr)
  const all = await lines()
  t.deepEqual(all.slice(0, 3), [header, ...rows])
  t.is(all.length, 4)
  t.like(all[3]?.split(','), { 0: '3', 1: '9' })
})

test('a log of JSON lines has the steps too, and is there when the process is killed', async t => {
  const { out, train, lines } = await prepared(t, 'jsonl')
  const endless = [...train, '--out', out, '--epochs', '100000', '--json']
  const { signal } = await jpegnet(endless, { interrupt: /"epoch":3/, signal: 'SIGKILL' })
  t.is(signal, 'SIGKILL')
  const rows = (await lines()).map(
    line => JSON.parse(line) as { type: string; epoch: number; step: number; loss: number },
  )
  const epochs = rows.filter(({ type }) => type === 'epoch')
  t.true(epochs.length >= 2)
  t.deepEqual(
    epochs.map(({ epoch, step }) => [epoch, step]),
    epochs.map((_, index) => [index + 1, 4 * (index + 1)]),
  )
  const steps = rows.filter(({ type }) => type === 'step')
  t.deepEqual(
    steps.map(({ step }) => step),
    steps.map((_, index) => index + 1),
  )
})

test('a log that cannot be written any more costs the training nothing, and is told', async t => {
  const { out, train, scratch } = await prepared(t, 'csv')
  // No file may become longer than the model, which is as long in every epoch; the log is filled up to there.
  const log = join(scratch, 'full.csv')
  const begun = await jpegnet([...train.slice(0, -1), log, '--out', out, '--epochs', '1'])
  t.is(begun.code, 0, begun.stderr)
  const { size } = await import('node:fs').then(({ statSync }) => statSync(out))
  const blocks = Math.ceil(size / 1024) + 64
  const row = `1,4,2026-01-01T00:00:00.000Z,1,0.001,1,0.5,100,,,${' '.repeat(900)}\n`
  await writeFile(log, `${HEADER}\n${row.repeat(Math.floor((blocks * 1024 - HEADER.length - 1) / row.length))}`)
  const resume = [...train.slice(0, -1), log, '--resume', out, '--out', out, '--epochs', '40']
  const { code, stderr } = await inShell(`trap '' XFSZ; ulimit -f ${blocks}; "$@"`, resume)
  t.is(code, 1, stderr)
  t.regex(stderr, /full\.csv: expected to write the log, found .*; the training goes on without it/)
  t.regex(stderr, /saved .*m\.model/)
})

test('a log of another kind, or on what is there, is refused before anything is read', async t => {
  const { out, train, folder, scratch } = await prepared(t, 'csv')
  const at = async (path: string, ...more: string[]) =>
    jpegnet([...train.slice(0, -1), path, '--out', out, '--epochs', '1', ...more])
  const other = join(scratch, 'table.csv')
  await writeFile(other, 'a,b\n1,2\n')
  for (const [path, message] of [
    [join(scratch, 'run.txt'), /--log: expected a name ending in \.csv or \.jsonl/],
    [other, /--log: expected a new file/],
    [join(folder, 'even', '0.jpg'), /--log: expected a name ending in/],
    [join(scratch, 'none', 'run.csv'), /no folder/],
  ] as const) {
    const { code, stderr } = await at(path)
    t.is(code, 1, stderr)
    t.regex(stderr, message)
  }
  t.is(await readFile(other, 'utf8'), 'a,b\n1,2\n')
})
