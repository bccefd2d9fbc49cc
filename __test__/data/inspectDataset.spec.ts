import test from 'ava'
import { inspectDataset, jpegFolder, jpegImages, loadDataset } from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, jpegs, twoClasses } from '../fixtures/pictures.js'

test('a report counts classes, sizes, samplings and bytes of all pictures', async t => {
  const report = await inspectDataset(jpegImages(twoClasses))
  using dataset = await loadDataset(jpegImages(twoClasses))
  const pictures = await Promise.all(jpegs.map((_, index) => dataset.describe(index)))
  const count = (of: (index: number) => boolean) => pictures.filter((_, index) => of(index)).length
  t.like(report, {
    source: 'jpegImages',
    images: 10,
    balance: dataset.balance,
    sizes: [{ width: 32, height: 32, count: 10 }],
    progressive: count(index => pictures[index]?.coding.includes('progressive') ?? false),
    fileBytes: jpegs.reduce((sum, { length }) => sum + length, 0),
    bytes: dataset.bytes,
  })
  t.deepEqual(
    Object.fromEntries(report.sampling.map(({ sampling, count }) => [sampling, count])),
    Object.fromEntries(
      pictures.map(({ sampling }) => [sampling, count(index => pictures[index]?.sampling === sampling)]),
    ),
  )
  t.true(report.sampling.length > 1)
  const counts = report.sampling.map(({ count }) => count)
  t.deepEqual(
    counts,
    counts.toSorted((a, b) => b - a),
  )
})

test('a report names the files left out, and is made of a data set that stays its owner’s', async t => {
  const folder = await folderOf(t, { 'a/1.jpg': jpegs[0] as Buffer, 'b/1.jpg': jpegs[1] as Buffer, 'b/2.jpg': 'no' })
  using dataset = await loadDataset(jpegFolder(folder, { onError: 'skip' }))
  const report = await inspectDataset(dataset)
  t.deepEqual([report.images, report.skipped.length], [2, 1])
  t.is((await dataset.describe(1)).width, 32)
  await failsWith(t, () => inspectDataset(dataset, { memory: '1 MB' }), { code: 'INVALID_OPTION' })
})
