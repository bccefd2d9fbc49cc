import { chmod, link, lstat, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createModel, loadModel, paperResnet } from '../../src-ts/index.js'
import { folderOf, jpegs } from '../fixtures/pictures.js'
import { inFolder, jpegnet } from './command.js'

const [jpeg, otherJpeg] = jpegs as [Buffer, Buffer]
const quick = ['--epochs', '1', '--batch-size', '5', '--model', 'paper', '--size', '32']

/** A folder with a data set, a model and a photo. */
async function everything(t: ExecutionContext) {
  const folder = await folderOf(t, {
    'photos/cat/1.jpg': jpeg,
    'photos/dog/2.jpg': otherJpeg,
    'photo.jpg': jpeg,
    'notes.html': '<p>mine</p>',
    'labels.json': '["a","b"]',
  })
  using model = createModel(paperResnet({ classes: 2 }))
  await model.save(join(folder, 'm.model'))
  return { folder, at: (name: string) => join(folder, name) }
}

/** Every file of a folder, by its path. */
async function contents(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await readdir(folder, { recursive: true })) {
    const path = join(folder, name)
    if ((await stat(path)).isFile()) found[name] = (await readFile(path)).toString('base64')
  }
  return found
}

test('no command writes over what it reads, a JPEG file, a folder or a file of another kind, --force or not', async t => {
  const { folder, at } = await everything(t)
  await symlink(at('photo.jpg'), at('alias.jpg'))
  await link(at('photo.jpg'), at('twin.jpg'))
  await writeFile(at('photo.html'), jpeg)
  await writeFile(at('photo.model'), jpeg)
  const before = await contents(folder)
  const cases: [string[], RegExp][] = [
    [['explain', at('m.model'), at('photo.jpg'), '--out', at('photo.jpg')], /--out: expected a name ending in \.html/],
    [['explain', at('m.model'), at('photo.jpg'), '--out', at('photo.html')], /no JPEG file there, found .*photo\.html/],
    [
      ['explain', at('m.model'), at('photo.html'), '--out', at('photo.html')],
      /another file than those that the command/,
    ],
    [['train', at('photos'), '--out', at('photo.model')], /expected no JPEG file there, found .*, a JPEG file/],
    [['train', at('photos'), '--out', at('photos')], /expected a name ending in \.model, found .*photos/],
    [['train', at('photos'), '--out', at('photos.jpg')], /expected a name ending in \.model/],
    [['train', at('photos'), '--from', at('m.model'), '--out', at('m.model')], /another file than those/],
    [['card', at('m.model'), '--out', at('m.model')], /a name ending in \.md or \.json/],
    [['export', at('m.model'), '--out', at('photos/')], /a name ending in \.safetensors or \.onnx/],
    [['coefficients', at('photo.jpg'), '--turn', 'rotate-180', '--out', at('photo.jpg')], /another file than those/],
    [['coefficients', at('alias.jpg'), '--turn', 'rotate-180', '--out', at('photo.jpg')], /another file than those/],
    [['coefficients', at('photo.jpg'), '--turn', 'rotate-180', '--out', at('twin.jpg')], /another file than those/],
    [['coefficients', at('photo.jpg'), '--turn', 'rotate-180', '--out', at('photos/../photo.jpg')], /another file/],
    [['experiment', 'relu-blocks', '--quick', '--out', at('photos')], /expected an empty folder/],
    [['experiment', 'relu-blocks', '--quick', '--out', at('photo.jpg')], /photo\.jpg: expected a folder, found a file/],
  ]
  // What is refused in spite of --force is refused without.
  for (const [args, said] of cases) {
    const { code, stderr } = await jpegnet(args[0] === 'experiment' ? args : [...args, '--force'])
    t.is(code, 1, args.join(' '))
    t.regex(stderr, said, args.join(' '))
    t.is(stderr.trimEnd().split('\n').length, 1, stderr)
  }
  t.deepEqual(await contents(folder), before)
})

test('a file that would be lost is replaced by --force alone, and what is made again in moments without', async t => {
  const { folder, at } = await everything(t)
  const run = async (...args: string[]) => {
    const { code, stderr } = await jpegnet(args)
    return code === 0 ? 'done' : stderr
  }
  const explain = (page: string) => ['explain', at('m.model'), at('photo.jpg'), '--out', at(page)]
  t.is(await run(...explain('page.html')), 'done')
  t.is(await run(...explain('page.html')), 'done')
  t.regex(await run(...explain('notes.html')), /--force to replace .* found .*notes\.html, a file of another kind/)
  t.is(await readFile(at('notes.html'), 'utf8'), '<p>mine</p>')
  t.is(await run(...explain('notes.html'), '--force'), 'done')

  for (const name of ['m.onnx', 'w.safetensors']) {
    t.is(await run('export', at('m.model'), '--out', at(name)), 'done')
    t.is(await run('export', at('m.model'), '--out', at(name)), 'done')
  }
  t.is(await run('convert', at('w.safetensors'), '--model', 'paper', '--out', at('c.model')), 'done')
  t.is(await run('convert', at('w.safetensors'), '--model', 'paper', '--out', at('c.model')), 'done')
  // Weights that PyTorch wrote have no such mark.
  const foreign = await readFile(at('w.safetensors'))
  foreign.write('jpegnet.written_', foreign.indexOf('jpegnet.exported'))
  await writeFile(at('w.safetensors'), foreign)
  t.regex(await run('export', at('m.model'), '--out', at('w.safetensors')), /found .*w\.safetensors, weights/)

  t.is(await run('coefficients', at('photo.jpg'), '--out', at('k.safetensors')), 'done')
  t.regex(await run('coefficients', at('photo.jpg'), '--out', at('k.safetensors')), /the coefficients of an image/)
  t.regex(await run('coefficients', at('k.safetensors'), '--out', at('photo.jpg')), /found .*photo\.jpg, a JPEG file/)
  t.is(await run('coefficients', at('k.safetensors'), '--out', at('photo.jpg'), '--force'), 'done')
  t.regex(await run('card', at('m.model'), '--out', at('labels.json')), /found .*labels\.json, a file of another kind/)

  const train = ['train', at('photos'), ...quick, '--out', at('t.model')]
  t.is(await run(...train), 'done')
  const trained = await readFile(at('t.model'))
  t.regex(
    await run(...train),
    /--force to replace the one that is there, or --resume .*t\.model to go on with it, found .*t\.model, a model trained for 1 epoch, which tells cat, dog apart/,
  )
  t.regex(await run('convert', at('m.model'), '--model', 'paper', '--out', at('t.model')), /a model trained for 1/)
  t.deepEqual(await readFile(at('t.model')), trained)
  t.is(await run(...train, '--resume', at('t.model'), '--epochs', '2'), 'done')
  t.is(await run(...train, '--force'), 'done')
  t.deepEqual(
    (await readdir(folder)).filter(name => /writing|lock/.test(name)),
    [],
  )
})

test('a training without --out saves to a new file called as the data is; one that is resumed, to its own', async t => {
  const { folder, at } = await everything(t)
  const train = (...args: string[]) => inFolder(folder, ['train', ...args, ...quick])
  t.regex(
    (await train('photos')).stderr,
    /the model goes to photos\.model; --out says another file[^]*saved photos\.model/,
  )
  const first = await readFile(at('photos.model'))
  t.regex((await train('./photos/')).stderr, /saved photos-2\.model/)
  t.deepEqual(await readFile(at('photos.model')), first)
  const resumed = await inFolder(folder, ['train', 'photos', '--resume', 'photos.model', '--epochs', '2'])
  t.regex(resumed.stderr, /saved photos\.model/)
  using model = await loadModel(at('photos.model'))
  t.is(model.training?.epoch, 2)
  t.false((await readdir(folder)).includes('photos-3.model'))
})

test('answers replace the file that a link leads to and leave its permissions, and none that is read-only', async t => {
  const { folder, at } = await everything(t)
  await writeFile(at('old.csv'), 'old')
  await chmod(at('old.csv'), 0o600)
  await symlink('old.csv', at('latest.csv'))
  const answers = (out: string) => jpegnet(['predict', at('m.model'), at('photo.jpg'), '--out', at(out), '--force'])
  t.is((await answers('latest.csv')).code, 0)
  t.true((await lstat(at('latest.csv'))).isSymbolicLink())
  const told = await readFile(at('old.csv'), 'utf8')
  t.regex(told, /^file,label,/)
  if (process.platform !== 'win32') t.is((await stat(at('old.csv'))).mode & 0o777, 0o600)
  await chmod(at('old.csv'), 0o444)
  const refused = await answers('latest.csv')
  t.is(refused.code, 1)
  t.regex(refused.stderr, /csv: expected .*, found .*(read-only|permission denied)/i)
  t.is(await readFile(at('old.csv'), 'utf8'), told)
  t.deepEqual(
    (await readdir(folder)).filter(name => name.includes('writing')),
    [],
  )
})
