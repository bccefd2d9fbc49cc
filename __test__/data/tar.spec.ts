/** Tar archives: what of them is taken, under which class, and what is said of those that are not whole. */
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import test, { type ExecutionContext } from 'ava'
import { jpegFolder, jpegTar, loadDataset, type Dataset, type TarArchive, type TarOptions } from '../../src-ts/index.js'
import { inPieces, tarOf } from '../fixtures/archive.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, inTwoFolders, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { newModel } from '../fixtures/training.js'

const [a, b, c] = jpegs as [Buffer, Buffer, Buffer]
const files = { 'train/cat/1.jpg': a, 'train/dog/1.JPEG': b, 'train/cat/2.jpg': c }

const contents = ({ files, labels, classes }: Dataset) =>
  files.map((file, index) => [file, classes[labels[index] as number] as string])

const expected = [
  ['train/cat/1.jpg', 'cat'],
  ['train/dog/1.JPEG', 'dog'],
  ['train/cat/2.jpg', 'cat'],
]

async function contentsOf(archive: TarArchive, options?: TarOptions): Promise<string[][]> {
  using dataset = await loadDataset(jpegTar(archive, options))
  return contents(dataset)
}

async function written(t: ExecutionContext, bytes: Uint8Array, name = 'train.tar'): Promise<string> {
  const path = join(await temporaryFolder(t), name)
  await writeFile(path, bytes)
  return path
}

test('an archive is read by its path, plain or by gzip whatever it is called, and again if wished', async t => {
  const archive = await tarOf(files)
  for (const bytes of [archive, gzipSync(archive)]) {
    const path = await written(t, bytes)
    const source = jpegTar(path)
    for (let time = 0; time < 2; time++) {
      using dataset = await loadDataset(source)
      t.deepEqual(
        contents(dataset),
        expected.map(([file, label]) => [`${path}/${file}`, label]),
      )
      t.deepEqual([dataset.source, dataset.skipped], [path, []])
    }
  }
})

test('an archive is read as bytes or as any stream of them, in pieces of any size', async t => {
  const archive = await tarOf(files)
  const path = await written(t, archive)
  const streams: TarArchive[] = [
    archive,
    createReadStream(path),
    Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>,
    new Blob([new Uint8Array(gzipSync(archive))]).stream(),
    inPieces(archive, 1),
    inPieces(gzipSync(archive), 1),
    [archive],
  ]
  for (const stream of streams) t.deepEqual(await contentsOf(stream), expected)
})

test('gzip members one after the other are one archive', async t => {
  const archive = await tarOf(files)
  const members = Buffer.concat([gzipSync(archive.subarray(0, 700)), gzipSync(archive.subarray(700))])
  t.deepEqual(await contentsOf(members), expected)
})

test('an archive of a folder gives the same pictures, classes and split as the folder', async t => {
  const made = inTwoFolders(40)
  const folder = await folderOf(t, made)
  const archive = await tarOf(Object.fromEntries(Object.entries(made).map(([name, jpeg]) => [`photos/${name}`, jpeg])))
  using unpacked = await loadDataset(jpegFolder(folder))
  using packed = await loadDataset(jpegTar(archive))
  t.deepEqual(packed.classes, unpacked.classes)
  const below = (part: Dataset, root: string) => part.files.map(file => file.slice(root.length + 1)).sort()
  t.deepEqual(below(packed, 'photos'), below(unpacked, folder))
  const half = { test: 0.5, seed: 3 }
  t.deepEqual(below(packed.split(half).test, 'photos'), below(unpacked.split(half).test, folder))
})

test('long names and names that are not ASCII come back whole', async t => {
  const long = `${'a-long-folder/'.repeat(30)}cat/${'x'.repeat(150)}.jpg`
  t.deepEqual(await contentsOf(await tarOf({ [long]: a, 'Hündin/é.jpg': b })), [
    [long, 'cat'],
    ['Hündin/é.jpg', 'Hündin'],
  ])
})

test('folders, hidden files and files of other names are passed over as in a folder', async t => {
  const archive = await tarOf({
    './': { type: 'directory' },
    './cat/': { type: 'directory' },
    './cat/1.jpg': a,
    './cat/._1.jpg': 'what a Mac adds',
    '.cache/dog/1.jpg': b,
    './cat/notes.txt': 'meow',
    'list.csv': '',
    'cat/2.jpg': b,
    'dog/link': { type: 'symlink', linkname: '../cat' },
  })
  using dataset = await loadDataset(jpegTar(archive))
  t.deepEqual(dataset.files, ['cat/1.jpg', 'cat/2.jpg'])
  t.deepEqual(
    dataset.skipped.map(({ file }) => file),
    ['cat/notes.txt', 'list.csv', 'dog/link'],
  )
})

test('one folder of an archive can be read', async t => {
  const archive = await tarOf({ ...files, 'test/cat/9.jpg': a, 'training/cat/8.jpg': b })
  for (const folder of ['train', './train/']) t.deepEqual(await contentsOf(archive, { folder }), expected)
  t.deepEqual(await contentsOf(archive, { folder: 'test' }), [['test/cat/9.jpg', 'cat']])
  await failsWith(t, () => contentsOf(archive, { folder: 'none' }), { code: 'NO_CLASSES' })
  await failsWith(t, () => contentsOf(archive, { folder: 'train/cat' }), {
    code: 'FILE_UNREADABLE',
    path: 'train/cat/1.jpg',
    expected: 'a folder that is its class',
  })
})

test('classes in files next to the pictures', async t => {
  const archive = await tarOf({
    'shard/0001.jpg': a,
    'shard/0001.cls': '10',
    'shard/0002.cls': '9\n',
    'shard/0002.json': '{}',
    'shard/0002.jpeg': b,
    'shard/0003.cls': '1',
    'other/0003.jpg': c,
    'other/0003.cls': '10',
  })
  using dataset = await loadDataset(jpegTar(archive, { label: 'cls' }))
  t.deepEqual(contents(dataset), [
    ['shard/0001.jpg', '10'],
    ['shard/0002.jpeg', '9'],
    ['other/0003.jpg', '10'],
  ])
  t.deepEqual(dataset.classes, ['9', '10'])
  t.deepEqual(
    dataset.skipped.map(({ file }) => file),
    ['shard/0002.json', 'shard/0003.cls'],
  )
})

test('a picture without its class next to it is named', async t => {
  const label = 'cls' as const
  const missing = await tarOf({ 'x/1.jpg': a, 'x/2.jpg': b, 'x/2.cls': '0' })
  await failsWith(t, () => contentsOf(missing, { label }), { path: 'x/1.jpg', code: 'FILE_UNREADABLE', found: 'none' })
  const empty = await tarOf({ 'x/1.jpg': a, 'x/1.cls': ' \n' })
  await failsWith(t, () => contentsOf(empty, { label }), { path: 'x/1.jpg', code: 'FILE_UNREADABLE', found: 'empty' })
})

const bad = {
  'cat/1.jpg': a,
  'cat/2.jpg': { type: 'symlink', linkname: '1.jpg' },
  'cat/3.jpg': { type: 'link', linkname: 'cat/1.jpg' },
  'cat/4.jpg': { type: 'fifo' },
  'cat/5.jpg': new Uint8Array(5000),
  'cat/6.jpg': b.subarray(0, 99),
  '7.jpg': a,
  'dog/1.jpg': c,
} as const

test('links, files that are too large, damaged or of no class end the reading, and all are counted', async t => {
  const largest = Math.max(a.length, c.length)
  const error = await failsWith(t, () => loadDataset(tarBad(largest, 'error')), {
    code: 'FILE_UNREADABLE',
    path: 'cat/2.jpg',
    expected: 'a file',
    found: 'a link to 1.jpg',
    message: '6 files cannot be used',
  })
  t.regex(error.message, /cat\/3\.jpg: expected a file, found a link to cat\/1\.jpg; .*and 3 more$/)
})

const archiveOfBad = await tarOf(bad)
const tarBad = (largest: number, onError: 'error' | 'skip') => jpegTar(archiveOfBad, { largest, onError })

test('what cannot be used of an archive is skipped and named if wished', async t => {
  const largest = Math.max(a.length, c.length)
  using dataset = await loadDataset(tarBad(largest, 'skip'))
  t.deepEqual(dataset.files, ['cat/1.jpg', 'dog/1.jpg'])
  t.deepEqual(dataset.skipped.map(({ file }) => file).sort(), [
    '7.jpg',
    'cat/2.jpg',
    'cat/3.jpg',
    'cat/4.jpg',
    'cat/5.jpg',
    'cat/6.jpg',
  ])
  const reasons = dataset.skipped.map(({ reason }) => reason).join('\n')
  t.regex(reasons, new RegExp(`cat/5\\.jpg: expected a file of at most ${largest} bytes, found one of 5000`))
  t.regex(reasons, /cat\/4\.jpg: expected a file, found a fifo/)
})

test('an archive that is cut off anywhere is named, with how far it was read', async t => {
  const archive = await tarOf(files)
  const path = await written(t, archive)
  for (let length = 1; length < archive.length; length += 509) {
    await writeFile(path, archive.subarray(0, length))
    await failsWith(t, () => loadDataset(jpegTar(path)), { code: 'FILE_UNREADABLE', path, found: 'cut off' })
  }
  // All entries are there, but not the mark that says so.
  await writeFile(path, archive.subarray(0, archive.length - 1024))
  await failsWith(t, () => loadDataset(jpegTar(path)), { code: 'FILE_UNREADABLE', found: 'cut off after train/' })
})

test('a gzip archive that is cut off or damaged is named', async t => {
  const packed = gzipSync(await tarOf(files))
  await failsWith(t, () => contentsOf(packed.subarray(0, packed.length - 200)), {
    code: 'FILE_UNREADABLE',
    path: 'jpegTar',
    found: 'cut off',
  })
  const damaged = Buffer.from(packed)
  damaged.fill(0xff, 100, 120)
  await failsWith(t, () => contentsOf(damaged), { code: 'FILE_UNREADABLE', found: 'damaged' })
})

test('damage between entries is named', async t => {
  const archive = await tarOf(files)
  const second = archive.indexOf('train/dog')
  archive.write('0000777', second + 124)
  await failsWith(t, () => contentsOf(archive), { code: 'FILE_UNREADABLE', found: 'no valid entry' })
})

const refused = test.macro(async (t, bytes: Uint8Array, found: string) => {
  await failsWith(t, () => contentsOf(bytes), {
    code: 'FILE_UNREADABLE',
    expected: 'a tar archive, plain or compressed by gzip',
    found,
  })
})
const beginning = (...bytes: number[]) => Buffer.concat([Buffer.from(bytes), Buffer.alloc(2000)])
test('xz is refused by name', refused, beginning(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00), 'one compressed by xz')
test('zstd is refused by name', refused, beginning(0x28, 0xb5, 0x2f, 0xfd), 'one compressed by zstd')
test('bzip2 is refused by name', refused, beginning(0x42, 0x5a, 0x68, 0x39), 'one compressed by bzip2')
test('zip is refused by name', refused, beginning(0x50, 0x4b, 0x03, 0x04), 'one compressed by zip')
test('nothing is no archive', refused, new Uint8Array(), 'nothing')
test('text is no archive', refused, Buffer.from('no archive at all '.repeat(100)), 'no valid entry')
test('a picture is no archive', refused, Buffer.concat([a, a]), 'one that')

test('an archive without pictures has no classes', async t => {
  await failsWith(t, () => contentsOf(new Uint8Array(10240)), { code: 'NO_CLASSES', path: 'jpegTar', found: 'none' })
})

test('an archive that is not there, or a folder in its place, is named', async t => {
  const folder = await temporaryFolder(t)
  const path = join(folder, 'none.tar')
  await failsWith(t, () => contentsOf(path), { code: 'FILE_NOT_FOUND', path, found: 'none' })
  await failsWith(t, () => contentsOf(folder), { code: 'FILE_UNREADABLE', path: folder, found: 'a folder' })
})

test("a stream's own error is thrown as it is, plain or by gzip", async t => {
  const failure = new RangeError('the connection was lost')
  const archive = await tarOf(files)
  for (const bytes of [archive, gzipSync(archive)]) {
    const failing = async function* () {
      yield bytes.subarray(0, bytes.length >> 1)
      throw failure
    }
    t.is(await t.throwsAsync(() => contentsOf(failing())), failure)
    t.is(await t.throwsAsync(() => contentsOf(Readable.from(failing()))), failure)
  }
})

test('a stream of anything but bytes is refused', async t => {
  await failsWith(t, () => contentsOf(Readable.from(['text', 'more text'])), {
    code: 'INVALID_OPTION',
    expected: 'a stream of bytes',
    found: 'strings',
  })
  await failsWith(t, () => jpegTar(5 as never), { code: 'INVALID_OPTION', path: 'jpegTar' })
})

test('an archive that is a stream is read once', async t => {
  const stream = Readable.from([await tarOf(files)])
  const source = jpegTar(stream)
  using _ = await loadDataset(source)
  await failsWith(t, () => loadDataset(source), { code: 'INVALID_OPTION', path: 'jpegTar', found: 'one that was' })
})

test('what ends the reading destroys the stream, even if nothing comes from it', async t => {
  const archive = await tarOf(files)
  const begun = (bytes: Uint8Array) => {
    const stream = new Readable({ read: () => undefined })
    stream.push(bytes)
    return stream
  }
  const stalled = begun(archive.subarray(0, 600))
  const packed = begun(gzipSync(archive).subarray(0, 600))
  for (const stream of [stalled, packed]) {
    const controller = new AbortController()
    const loading = loadDataset(jpegTar(stream), { signal: controller.signal })
    await wait(5)
    controller.abort()
    await failsWith(t, () => loading, { code: 'ABORTED' })
  }
  const damaged = begun(Buffer.alloc(2000, 'no archive'))
  await failsWith(t, () => contentsOf(damaged), { code: 'FILE_UNREADABLE' })
  while (![stalled, packed, damaged].every(({ destroyed }) => destroyed)) await wait(1)
  t.pass('all are closed')
})

test('pictures of an archive that do not fit the memory are an error', async t => {
  const path = await written(t, await tarOf(inTwoFolders(200)))
  await failsWith(t, () => loadDataset(jpegTar(path), { memory: '20 kB' }), {
    code: 'INVALID_OPTION',
    path: 'memory',
    expected: `room for all images of ${path}, which cannot be read again`,
  })
})

test('wrong options of an archive are refused', async t => {
  const code = 'INVALID_OPTION'
  await failsWith(t, () => jpegTar(''), { code, path: 'jpegTar' })
  await failsWith(t, () => jpegTar('a.tar', { label: 'name' as never }), { code, path: 'jpegTar.label' })
  await failsWith(t, () => jpegTar('a.tar', { largest: 0 }), { code, path: 'jpegTar.largest' })
})

test('a model trains on an archive and evaluates it', async t => {
  const path = await written(t, gzipSync(await tarOf(inTwoFolders(10))))
  using model = newModel()
  const { epochs } = await model.fit(jpegTar(path), { epochs: 1, batchSize: 5, test: jpegTar(path) })
  t.is(epochs[0]?.test?.images, 10)
  t.is((await model.evaluate(jpegTar(path))).images, 10)
})
