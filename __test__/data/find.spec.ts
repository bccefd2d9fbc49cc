/** Data sets as people have them: in parts, in a folder too many, in archives. */
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { findDataset, jpegFolder, jpegTar, loadDataset, type JpegSource } from '../../src-ts/index.js'
import { tarOf } from '../fixtures/archive.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, inTwoFolders, jpegs } from '../fixtures/pictures.js'

type Files = Record<string, Buffer | string>

/** Two classes of two pictures in each of these folders. */
const sets = (...folders: string[]): Files =>
  Object.fromEntries(
    folders.flatMap(folder => Object.entries(inTwoFolders(4)).map(([file, jpeg]) => [join(folder, file), jpeg])),
  )

/** Where the parts of a data set lie, below the path at which it was looked for. */
async function partsOf(path: string) {
  const { train, validation, test, beside } = await findDataset(path)
  const below = (source: JpegSource | undefined) => {
    if (source?.type === 'folder') return source.directory.slice(path.length + 1)
    return source?.type === 'tar' ? source.folder : undefined
  }
  return {
    train: below(train),
    ...(validation && { validation: below(validation) }),
    ...(test && { test: below(test) }),
    ...(beside.length > 0 && { beside: beside.map(folder => folder.slice(path.length + 1)) }),
  }
}

type Parts = Awaited<ReturnType<typeof partsOf>>

const layouts: [string, Files, Parts][] = [
  ['classes are where they are', sets('.'), { train: '' }],
  ['train and test are parts', sets('train', 'test'), { train: 'train', test: 'test' }],
  ['all three are parts', sets('Train', 'Valid', 'TEST'), { train: 'Train', validation: 'Valid', test: 'TEST' }],
  ['a folder around them', sets('photos/train', 'photos/val'), { train: 'photos/train', validation: 'photos/val' }],
  ['folders around classes', sets('a/photos'), { train: 'a/photos' }],
  ['folders within the parts', sets('x/train/train', 'x/test/x'), { train: 'x/train/train', test: 'x/test/x' }],
  ['names that are alike', sets('seg_train/seg_train', 'seg_test'), { train: 'seg_train/seg_train', test: 'seg_test' }],
  ['a part alone', sets('train'), { train: 'train' }],
  [
    'what is beside the parts is none',
    { ...sets('train', 'validation', 'extra'), 'train.csv': '', 'notes/a.txt': '', '__MACOSX/train/even/._1.jpg': '' },
    { train: 'train', validation: 'validation', beside: ['extra'] },
  ],
  ['one class of nested folders', { 'cat/a/1.jpg': jpegs[0] as Buffer }, { train: '' }],
  [
    'classes of such names among others',
    { 'train/1.jpg': jpegs[0] as Buffer, 'test/1.jpg': jpegs[1] as Buffer, 'bus/1.jpg': jpegs[2] as Buffer },
    { train: '' },
  ],
  [
    'words of a class that are parts',
    { ...sets('train station', 'test tube'), 'bus/1.jpg': jpegs[2] as Buffer },
    { train: '' },
  ],
]

for (const [title, files, parts] of layouts) {
  test(`${title}, in a folder`, async t => {
    t.deepEqual(await partsOf(await folderOf(t, files)), parts)
  })
}

test('an archive has the same parts, as has a folder in it', async t => {
  const whole = await tarOf({ ...sets('photos/train', 'photos/test', 'other'), 'photos/readme.txt': '' })
  const folder = await folderOf(t, { 'photos.tar': whole, 'train.tar': await tarOf(sets('train')) })
  const [photos, train] = [join(folder, 'photos.tar'), join(folder, 'train.tar')]
  t.deepEqual(await partsOf(`${photos}:photos`), { train: 'photos/train', test: 'photos/test' })
  t.deepEqual(await partsOf(`${photos}:photos/test`), { train: 'photos/test' })
  t.deepEqual(await partsOf(train), { train: '' })
  const { train: source } = await findDataset(`${photos}:photos`)
  using dataset = await loadDataset(source)
  t.deepEqual([dataset.classes, dataset.length], [['even', 'odd'], 4])
})

test('how files are read goes with all parts', async t => {
  const folder = await folderOf(t, sets('train', 'test'))
  const { train, test: tested } = await findDataset(folder, { onError: 'skip', orientation: 'stored' })
  for (const source of [train, tested]) t.like(source, { onError: 'skip', orientation: 'stored' })
})

async function refused(t: ExecutionContext, files: Files, within: string, found: string) {
  const folder = await folderOf(t, files)
  for (const action of [() => findDataset(folder), () => loadDataset(jpegFolder(folder))]) {
    await failsWith(t, action, { code: 'NO_CLASSES', path: join(folder, within), found })
  }
}

test('what tells no classes is refused, rather than learned by the names of its parts', async t => {
  const [a, b, c] = jpegs as [Buffer, Buffer, Buffer]
  await refused(t, { 'train/1.jpg': a, 'test/2.jpg': b, 'train.csv': '' }, 'train', 'images alone')
  await refused(t, sets('val', 'test'), '', 'val and test alone')
  const within = { 'cat/train/1.jpg': a, 'cat/test/1.jpg': b, 'dog/train/1.jpg': c, 'dog/test/1.jpg': a }
  await refused(t, within, '', 'such folders within')
})

test('parts are never read as classes', async t => {
  const [one, two] = jpegs as [Buffer, Buffer]
  const flat = jpegTar(await tarOf({ 'train/1.jpg': one, 'test/2.jpg': two }))
  await failsWith(t, () => loadDataset(flat), { code: 'NO_CLASSES', found: 'parts of a data set' })
  const folder = await folderOf(t, {
    ...sets('photos/train', 'photos/test'),
    'both.tar': await tarOf(sets('train', 'test')),
  })
  const photos = join(folder, 'photos')
  const found = `name one, or ask findDataset: ${join(photos, 'train')}, ${join(photos, 'test')}`
  await failsWith(t, () => loadDataset(jpegFolder(photos)), { code: 'NO_CLASSES', path: photos, found })
  const path = join(folder, 'both.tar')
  await failsWith(t, () => loadDataset(jpegTar(path)), { code: 'NO_CLASSES', path, found: 'train and test, each' })
  using train = await loadDataset(jpegTar(path, { folder: 'train' }))
  t.is(train.length, 4)
})

test('a file of another kind is named, and an archive that is to be unpacked', async t => {
  const folder = await folderOf(t, { 'notes.md': '', 'photos.zip': '' })
  const refusal = (name: string, found: string) =>
    failsWith(t, () => findDataset(join(folder, name)), { code: 'FILE_UNREADABLE', path: join(folder, name), found })
  await refusal('notes.md', 'a file of another name')
  await refusal('photos.zip', 'to be unpacked')
  await failsWith(t, () => findDataset(join(folder, 'none')), { code: 'FILE_NOT_FOUND', found: 'none' })
})
