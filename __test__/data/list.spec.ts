import { join } from 'node:path'
import test from 'ava'
import { jpegFolder, jpegList, loadDataset, type ListOptions } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegs, temporaryFolder } from '../fixtures/pictures.js'

const [a, b, c] = jpegs as [Buffer, Buffer, Buffer]
const pictures = { 'cats/1.jpg': a, 'cats/a, b.jpg': b, 'the dog.jpg': c, 'd "x".jpg': a }

/** What a list in a folder of these pictures comes to: the files, below the folder, with their classes. */
const reads = test.macro(
  async (t, name: string, content: string, expected: [string, string][], options: ListOptions = {}) => {
    const folder = await folderOf(t, { ...pictures, [name]: content })
    using dataset = await loadDataset(jpegList(join(folder, name), options))
    t.deepEqual(
      dataset.files.map((file, index) => [
        file.slice(folder.length + 1),
        dataset.classes[dataset.labels[index] as number] as string,
      ]),
      expected,
    )
    t.is(dataset.source, join(folder, name))
  },
)

const catAndDog: [string, string][] = [
  ['cats/1.jpg', 'cat'],
  ['the dog.jpg', 'dog'],
]
test('a list by commas', reads, 'l.csv', 'cats/1.jpg,cat\nthe dog.jpg,dog\n', catAndDog)
test('a list by tabs', reads, 'l.tsv', 'cats/1.jpg\tcat\nthe dog.jpg\tdog', catAndDog)
test('a list by blanks, whose paths may have some', reads, 'l.txt', 'cats/1.jpg   cat\nthe dog.jpg dog \n', catAndDog)
test('a text file by commas', reads, 'l.txt', '# made by hand\ncats/1.jpg, cat\nthe dog.jpg, dog', catAndDog)
test('a text file by tabs', reads, 'l.txt', 'cats/1.jpg\tcat\nthe dog.jpg\tdog', catAndDog)
test('a first line that names both', reads, 'l.csv', 'path,label\ncats/1.jpg,cat\nthe dog.jpg,dog', catAndDog)
test('columns in any order and others', reads, 'l.csv', 'n,Label,Path\n1,cat,cats/1.jpg\n,dog,the dog.jpg', catAndDog)
test('columns of other names', reads, 'l.csv', 'label,file,kind\nx,cats/1.jpg,cat\ny,the dog.jpg,dog', catAndDog, {
  columns: { path: 'file', label: 'kind' },
})
const lines = 'cats/1.jpg,cat\nthe dog.jpg,dog'
for (const header of [
  'filename,label',
  'Image,Class',
  'file_name,category',
  'image path,target',
  'img,species',
  'a,b',
]) {
  test(`a first line ${header}`, reads, 'l.csv', `${header}\n${lines}`, catAndDog)
}
test('a first line by blanks', reads, 'l.txt', 'name kind\ncats/1.jpg cat\nthe dog.jpg dog', catAndDog)
test('a column of numbers', reads, 'l.csv', ',class,image\n0,cat,cats/1.jpg\n1,dog,the dog.jpg', catAndDog)
test('columns told by what is in them', reads, 'l.csv', 'n,where,label\n0,cats/1.jpg,cat\n1,the dog.jpg,dog', catAndDog)
test('another separator', reads, 'l.csv', 'cats/1.jpg;cat\nthe dog.jpg;dog', catAndDog, { separator: ';' })
test(
  'empty lines, comments, Windows line ends and a byte order mark',
  reads,
  'l.csv',
  '\ufeff# pictures\r\n\r\ncats/1.jpg,cat\r\n  \r\n# more\r\nthe dog.jpg,dog\r\n',
  catAndDog,
)
test('quotes as CSV has them', reads, 'l.csv', '"cats/a, b.jpg",cat\n"d ""x"".jpg","the ""dog"""', [
  ['cats/a, b.jpg', 'cat'],
  ['d "x".jpg', 'the "dog"'],
])
test('quotes between blanks', reads, 'l.txt', 'cats/1.jpg "big cat"\n"d ""x"".jpg" dog', [
  ['cats/1.jpg', 'big cat'],
  ['d "x".jpg', 'dog'],
])

test('paths are relative to the list, to another folder if wished, or absolute', async t => {
  const folder = await folderOf(t, { ...pictures, 'lists/l.csv': '../cats/1.jpg,cat', 'lists/m.csv': 'cats/1.jpg,cat' })
  const absolute = await folderOf(t, { 'l.csv': `${join(folder, 'cats/1.jpg')},cat` })
  const expected = [join(folder, 'cats/1.jpg')]
  const files = async (path: string, options?: ListOptions) => {
    using dataset = await loadDataset(jpegList(path, options))
    return dataset.files
  }
  t.deepEqual(await files(join(folder, 'lists/l.csv')), expected)
  t.deepEqual(await files(join(folder, 'lists/m.csv'), { directory: folder }), expected)
  t.deepEqual(await files(join(absolute, 'l.csv')), expected)
})

test('labels that are whole numbers are classes in the order of their values, others in that of their characters', async t => {
  const classes = async (labels: string[]) => {
    const folder = await folderOf(t, { ...pictures, 'l.txt': labels.map(label => `cats/1.jpg ${label}`).join('\n') })
    using dataset = await loadDataset(jpegList(join(folder, 'l.txt')))
    return dataset.classes
  }
  t.deepEqual(await classes(['10', '9', '0', '2', '10']), ['0', '2', '9', '10'])
  t.deepEqual(await classes(['10', '9', 'x']), ['10', '9', 'x'])
  t.deepEqual(await classes(['10', '09']), ['09', '10'])
})

test('a list splits as the folder of its files does', async t => {
  const files = Array.from({ length: 20 }, (_, index) => `${index % 2 ? 'a' : 'b'}/${index}.jpg`)
  const lines = files.map(file => `train/${file},${file.slice(0, 1)}`).reverse()
  const folder = await folderOf(t, {
    ...Object.fromEntries(files.map(file => [`train/${file}`, a] as const)),
    'l.csv': lines.join('\n'),
  })
  using listed = await loadDataset(jpegList(join(folder, 'l.csv')))
  using whole = await loadDataset(jpegFolder(join(folder, 'train')))
  t.deepEqual([...listed.split({ test: 0.3 }).test.files].sort(), whole.split({ test: 0.3 }).test.files)
})

const refuses = test.macro(async (t, content: string, expected: string, found: string, name: string = 'l.csv') => {
  const folder = await folderOf(t, { ...pictures, [name]: content })
  const path = join(folder, name)
  await failsWith(t, () => loadDataset(jpegList(path, { onError: 'skip' })), {
    code: 'FILE_UNREADABLE',
    path,
    expected,
    found,
  })
})
const both = 'a path and a label on each line'
test('a line without a label is named', refuses, '# x\ncats/1.jpg,cat\n\nthe dog.jpg', both, 'line 4 has one field')
test('a line with an empty label', refuses, 'cats/1.jpg,', both, 'line 1 has 2 fields, number 2 empty')
test('a line with an empty path', refuses, ',cat', both, 'line 1 has 2 fields, number 1 empty')
test('a line with a field more', refuses, 'cats/1.jpg,cat\na,b,c', both, 'line 2 has 3 fields')
test('a line by blanks without a label', refuses, 'a.jpg 1\nb.jpg\n', both, 'line 2 has one field', 'l.txt')
test('a line with a field less than the first', refuses, 'path,label,x\na.jpg,1', '3 fields', 'line 2 has 2 fields')
test('the first few of many bad lines', refuses, 'a\nb\nc\nd\ne', both, 'line 3 has one field; 2 more are wrong')
test('a quote that is not closed', refuses, 'a.jpg,cat\n"b.jpg,dog\n', 'quotes', 'open to the end, after line 1')
test('a quote inside a field', refuses, 'a.jpg,cat\nb"c.jpg,dog\n', 'quotes', 'within a field on line 2')
test('text after a quote', refuses, 'a.jpg,cat\n"b"c.jpg,dog\n', 'quotes', 'within a field on line 2')

test(
  'a first line that says not which column is the label',
  refuses,
  'n,at,kind\n1,a.jpg,cat',
  'called label',
  'n, at, kind',
)
test('a first line that is a picture', refuses, 'none.png,cat\ncats/1.jpg', both, 'line 2 has one field')

test('paths without endings are files if they are there, and the first line names columns if it is none', async t => {
  const folder = await folderOf(t, { one: a, two: b, 'l.csv': 'id,kind\none,cat\ntwo,dog', 'm.csv': 'one,cat\nid,dog' })
  using dataset = await loadDataset(jpegList(join(folder, 'l.csv')))
  t.deepEqual(dataset.files, [join(folder, 'one'), join(folder, 'two')])
  await failsWith(t, () => loadDataset(jpegList(join(folder, 'm.csv'))), {
    code: 'FILE_NOT_FOUND',
    path: join(folder, 'id'),
  })
})

test('columns that the first line does not name are told', async t => {
  const folder = await folderOf(t, { 'l.csv': 'file,label\na.jpg,cat' })
  const list = jpegList(join(folder, 'l.csv'), { columns: { path: 'image', label: 'label' } })
  await failsWith(t, () => loadDataset(list), {
    code: 'FILE_UNREADABLE',
    expected: 'the columns image and label in its first line',
    found: 'file, label',
  })
})

test('a list that is not there, is a folder or is empty is named', async t => {
  const folder = await temporaryFolder(t)
  await failsWith(t, () => loadDataset(jpegList(join(folder, 'l.csv'))), { code: 'FILE_NOT_FOUND', found: 'none' })
  await failsWith(t, () => loadDataset(jpegList(folder)), { code: 'FILE_UNREADABLE', found: 'a folder' })
  const empty = await folderOf(t, { 'l.csv': '# nothing\n' })
  await failsWith(t, () => loadDataset(jpegList(join(empty, 'l.csv'))), { code: 'NO_CLASSES', found: 'none' })
})

test('a picture that is not there is named by its path, and skipped if wished', async t => {
  const folder = await folderOf(t, { ...pictures, 'l.csv': 'cats/1.jpg,cat\nnone.jpg,cat' })
  const path = join(folder, 'l.csv')
  await failsWith(t, () => loadDataset(jpegList(path)), { code: 'FILE_NOT_FOUND', path: join(folder, 'none.jpg') })
  using dataset = await loadDataset(jpegList(path, { onError: 'skip' }))
  t.deepEqual([dataset.length, dataset.skipped.length], [1, 1])
})

test('wrong options of a list are refused', async t => {
  const code = 'INVALID_OPTION'
  await failsWith(t, () => jpegList(''), { code, path: 'jpegList.file' })
  await failsWith(t, () => jpegList('l.csv', { separator: ', ' }), { code, path: 'jpegList.separator' })
  await failsWith(t, () => jpegList('l.csv', { columns: { path: 'a' } as never }), {
    code,
    path: 'jpegList.columns.label',
  })
})
