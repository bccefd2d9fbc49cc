import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { jpegFolder, loadDataset, type DataEvent } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const [a, b, c] = jpegs as [Buffer, Buffer, Buffer]

test('classes and files are taken in the order of their names', async t => {
  const folder = await folderOf(t, {
    'dog/2.jpg': a,
    'dog/10.jpeg': b,
    'cat/b.JPG': c,
    'cat/a.JPEG': a,
    'ant/deep/down/1.jpg': b,
  })
  using dataset = await loadDataset(jpegFolder(folder))
  t.deepEqual(dataset.classes, ['ant', 'cat', 'dog'])
  t.deepEqual(
    dataset.files.map(file => file.slice(folder.length + 1)),
    ['ant/deep/down/1.jpg', 'cat/a.JPEG', 'cat/b.JPG', 'dog/10.jpeg', 'dog/2.jpg'],
  )
  t.deepEqual([...dataset.labels], [0, 1, 1, 2, 2])
  t.deepEqual([dataset.length, dataset.source, dataset.skipped], [5, folder, []])
  t.true(dataset.bytes > 0)
})

test('files of other names are left out, counted and named; hidden ones are passed over, those that may be meant named', async t => {
  const folder = await folderOf(t, {
    'cat/1.jpg': a,
    'cat/notes.txt': 'meow',
    'cat/.DS_Store': '',
    'cat/._1.jpg': 'Mac OS X',
    'cat/Thumbs.db': '',
    'dog/1.jpg': b,
    'dog/2.png': '',
    'dog/more.zip': '',
    '.cache/1.jpg': c,
    '__MACOSX/cat/._1.jpg': '',
    'new/': '',
    'list.csv': '',
    'stray.jpg': c,
  })
  using dataset = await loadDataset(jpegFolder(folder))
  t.deepEqual(dataset.classes, ['cat', 'dog'])
  t.deepEqual(
    dataset.skipped.map(({ file }) => file.slice(folder.length + 1)),
    [
      ...['.cache', '__MACOSX', 'list.csv', 'stray.jpg', 'cat/._1.jpg', 'cat/Thumbs.db', 'cat/notes.txt'],
      ...['dog/2.png', 'dog/more.zip', 'new'],
    ],
  )
  const reasons = new Map(dataset.skipped.map(({ file, reason }) => [file.slice(folder.length + 1), reason]))
  t.is(reasons.get('.cache'), 'hidden, or left by a system')
  t.is(reasons.get('__MACOSX'), reasons.get('cat/._1.jpg'))
  t.regex(reasons.get('list.csv') ?? '', /^not called \.jpg/)
  t.is(reasons.get('stray.jpg'), 'an image outside the folders of the classes')
  t.regex(reasons.get('dog/2.png') ?? '', /^a \.png image, and only JPEG files are read/)
  t.regex(reasons.get('dog/more.zip') ?? '', /^a \.zip archive.*unpack it/)
  t.regex(reasons.get('new') ?? '', /^no class/)
})

test('links to files and folders are followed, those in a circle once', async t => {
  const store = await folderOf(t, { 'cats/1.jpg': a, '2.jpg': b })
  const folder = await folderOf(t, { 'dog/1.jpg': c })
  await symlink(join(store, 'cats'), join(folder, 'cat'))
  await symlink(join(store, '2.jpg'), join(folder, 'dog', '2.jpg'))
  await symlink(join(folder, 'dog'), join(folder, 'dog', 'again'))
  using dataset = await loadDataset(jpegFolder(folder))
  t.deepEqual(
    dataset.files.map(file => file.slice(folder.length + 1)),
    ['cat/1.jpg', 'dog/1.jpg', 'dog/2.jpg'],
  )
})

test('progress is told', async t => {
  const folder = await folderOf(t, { 'cat/1.jpg': a, 'dog/1.jpg': b })
  const events: DataEvent[] = []
  using _ = await loadDataset(jpegFolder(folder), { onProgress: event => events.push(event) })
  t.deepEqual(events, [{ type: 'data', done: 2, total: 2, skipped: 0 }])
})

test('a folder is read when it is used, not when it is named', async t => {
  const folder = await temporaryFolder(t)
  t.notThrows(() => jpegFolder(join(folder, 'later')))
})

const noFiles = test.macro(async (t, files: Record<string, Uint8Array | string>, within: string, expected: string) => {
  const folder = await folderOf(t, files)
  await failsWith(t, () => loadDataset(jpegFolder(folder)), {
    code: 'NO_CLASSES',
    path: join(folder, within),
    expected,
    found: 'no',
  })
})
test('an empty folder has no classes', noFiles, {}, '', 'one folder of JPEG files for each class')
test('files alone are no classes', noFiles, { '1.jpg': a, '2.jpg': b }, '', 'one folder of JPEG files for each class')
test(
  'folders without files are no classes',
  noFiles,
  { 'cat/': '', 'dog/': '' },
  '',
  'one folder of JPEG files for each class',
)
test('a class without JPEG files is named', noFiles, { 'cat/1.jpg': a, 'dog/1.png': b }, 'dog', 'JPEG files')

test('a class without JPEG files is left out and named if bad files are skipped', async t => {
  const folder = await folderOf(t, { 'ant/1.jpeg': a, 'cat/1.JFIF': a, 'dog/1.png': b, 'eel/1.jpe': c, 'fox/1.jif': c })
  using dataset = await loadDataset(jpegFolder(folder, { onError: 'skip' }))
  t.deepEqual(dataset.classes, ['ant', 'cat', 'eel', 'fox'])
  t.deepEqual(
    dataset.skipped.map(({ file }) => file.slice(folder.length + 1)),
    ['dog/1.png', 'dog'],
  )
})

test('a folder that is not there is named', async t => {
  const folder = join(await temporaryFolder(t), 'nowhere')
  await failsWith(t, () => loadDataset(jpegFolder(folder)), { code: 'FILE_NOT_FOUND', path: folder, found: 'none' })
})

test('a file in place of a folder is named', async t => {
  const folder = await folderOf(t, { 'a.jpg': a })
  const path = join(folder, 'a.jpg')
  await failsWith(t, () => loadDataset(jpegFolder(path)), { code: 'FILE_UNREADABLE', path, found: 'a file' })
})

const damaged = {
  'cat/1.jpg': a,
  'cat/2.jpg': '',
  'dog/1.jpg': b,
  'dog/2.jpg': 'GIF89a',
  'dog/3.jpg': b.subarray(0, 99),
}

test('damaged files end the reading with an error that counts and names them', async t => {
  const folder = await folderOf(t, damaged)
  const error = await failsWith(t, () => loadDataset(jpegFolder(folder)), {
    code: 'EMPTY_FILE',
    path: join(folder, 'cat/2.jpg'),
    message: '3 files cannot be used',
  })
  for (const name of ['cat/2.jpg', 'dog/2.jpg', 'dog/3.jpg']) t.true(error.message.includes(name), error.message)
})

test('an error names the first few of many damaged files', async t => {
  const files = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`cat/${index}.jpg`, 'no']))
  const folder = await folderOf(t, { ...files, 'dog/1.jpg': a })
  const error = await failsWith(t, () => loadDataset(jpegFolder(folder)), {
    code: 'NOT_JPEG',
    message: '9 files cannot be used',
  })
  t.true(error.message.endsWith('and 6 more'), error.message)
})

test('a link to nothing is an unreadable file, not a silent gap', async t => {
  const folder = await folderOf(t, { 'cat/1.jpg': a, 'dog/1.jpg': b })
  await symlink(join(folder, 'gone'), join(folder, 'cat', '2.jpg'))
  await failsWith(t, () => loadDataset(jpegFolder(folder)), {
    code: 'FILE_NOT_FOUND',
    path: join(folder, 'cat', '2.jpg'),
  })
})

test('damaged files are skipped, counted and named if wished', async t => {
  const folder = await folderOf(t, damaged)
  const events: DataEvent[] = []
  const source = jpegFolder(folder, { onError: 'skip' })
  using dataset = await loadDataset(source, { onProgress: event => events.push(event) })
  t.deepEqual(
    dataset.files.map(file => file.slice(folder.length + 1)),
    ['cat/1.jpg', 'dog/1.jpg'],
  )
  t.deepEqual([...dataset.labels], [0, 1])
  t.deepEqual(
    dataset.skipped.map(({ file }) => file.slice(folder.length + 1)),
    ['cat/2.jpg', 'dog/2.jpg', 'dog/3.jpg'],
  )
  t.true(dataset.skipped.every(({ reason }) => reason.includes('expected')))
  t.is(events.at(-1)?.skipped, 3)
})

test('a class that has damaged files only is an error, or left out and named if they are skipped', async t => {
  const folder = await folderOf(t, { 'cat/1.jpg': a, 'dog/1.jpg': 'no', 'eel/1.jpg': b })
  await failsWith(t, () => loadDataset(jpegFolder(folder)), { code: 'NOT_JPEG', path: join(folder, 'dog/1.jpg') })
  using dataset = await loadDataset(jpegFolder(folder, { onError: 'skip' }))
  t.deepEqual(
    [dataset.classes, [...dataset.labels]],
    [
      ['cat', 'eel'],
      [0, 1],
    ],
  )
  t.is(dataset.skipped.at(-1)?.file, `${folder}, class dog`)
  const all = jpegFolder(await folderOf(t, { 'cat/1.jpg': 'no', 'dog/1.jpg': 'no' }), { onError: 'skip' })
  await failsWith(t, () => loadDataset(all), { code: 'NO_CLASSES', found: 'none that can be used (2 files' })
})

test('an aborted reading ends with an error', async t => {
  const folder = await folderOf(t, { 'cat/1.jpg': a, 'dog/1.jpg': b })
  await failsWith(t, () => loadDataset(jpegFolder(folder), { signal: AbortSignal.abort() }), { code: 'ABORTED' })
})

test('an unknown policy is refused', async t => {
  await failsWith(t, () => jpegFolder('photos', { onError: 'ignore' as never }), {
    code: 'INVALID_OPTION',
    path: 'jpegFolder.onError',
    expected: 'error, skip, use',
  })
})

test('a path in place of a source is refused', async t => {
  await failsWith(t, () => loadDataset('photos' as never), {
    code: 'INVALID_OPTION',
    path: 'data',
    expected: 'jpegFolder',
    found: 'photos',
  })
})
