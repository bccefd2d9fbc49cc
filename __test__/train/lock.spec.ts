/** One training at a time saves at a path, in whatever process, and no lock outlives its training. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { loadModel } from '../../src-ts/index.js'
import { inTwoFolders, fixture, folderOf, temporaryFolder } from '../fixtures/pictures.js'
import { failsWith } from '../fixtures/modelError.js'
import { data, newModel } from '../fixtures/training.js'
import { jpegnet } from '../cli/command.js'

test('a second training at a path is refused with the process of the first and since when, until that ends', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const path = join(await temporaryFolder(t), 'a.model')
  using model = newModel()
  const events = model.train(data, { epochs: 3, checkpoint: { path } })
  let before: string | undefined
  while (before !== 'checkpoint') before = (await events.next()).value?.type
  using other = newModel()
  const said =
    /a\.model: expected a file that nobody else writes, found process (\d+) of .+, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, writing it$/
  const { message } = await failsWith(t, () => other.fit(data, { epochs: 1, checkpoint: { path } }), { code: 'BUSY' })
  t.is(said.exec(message)?.[1], `${process.pid}`)
  const args = ['train', folder, '--resume', path, '--epochs', '4']
  const refused = await jpegnet(args)
  t.is(refused.code, 1)
  t.is(said.exec(refused.stderr.trim())?.[1], `${process.pid}`, refused.stderr)
  await events.return()
  const resumed = await jpegnet(args)
  t.is(resumed.code, 0, resumed.stderr)
  t.deepEqual(await readdir(dirname(path)), ['a.model'])
})

test('a training that is interrupted, fails or is killed leaves no lock in the way of the next', async t => {
  const folder = await folderOf(t, inTwoFolders(1000))
  const path = join(await temporaryFolder(t), 'a.model')
  const args = ['train', folder, '--out', path, '--force', '--batch-size', '1', '--epochs', '1']
  const interrupted = await jpegnet([...args, '--json'], { interrupt: /"type":"start"/ })
  t.is(interrupted.code, 130, interrupted.stderr)
  t.false((await readdir(dirname(path))).some(name => name.endsWith('.lock')))
  using model = newModel()
  const failing = [{ jpeg: Buffer.from('no'), label: 'a' }]
  await t.throwsAsync(model.fit({ kind: 'none', failing } as never, { checkpoint: { path } }))
  t.false((await readdir(dirname(path))).some(name => name.endsWith('.lock')))

  const child = spawn(process.execPath, [fixture('killed.mjs'), join(dirname(path), 'b.model')])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
  const left = await readdir(dirname(path))
  t.true(left.includes('.b.model.lock'), left.join())
  using killed = await loadModel(join(dirname(path), 'b.model'))
  await killed.fit(data, { epochs: 1, checkpoint: { path: join(dirname(path), 'b.model') } })
  t.deepEqual(
    (await readdir(dirname(path))).filter(name => name.startsWith('.')),
    [],
  )
})
