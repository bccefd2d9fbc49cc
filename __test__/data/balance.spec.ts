import test from 'ava'
import { jpegImages, loadDataset } from '../../src-ts/index.js'
import { jpegs } from '../fixtures/pictures.js'

const picture = (label: string) => ({ jpeg: jpegs[0] as Buffer, label })

test('each class is counted, and the largest compared with the smallest', async t => {
  using dataset = await loadDataset(jpegImages(['b', 'a', 'b', 'b'].map(picture)))
  t.deepEqual(dataset.balance, {
    classes: [
      { name: 'a', count: 1, share: 0.25 },
      { name: 'b', count: 3, share: 0.75 },
    ],
    ratio: 3,
  })
  using half = dataset.subset([0, 1])
  t.is(half.balance.ratio, 1)
})

test('a part without pictures of a class says so', async t => {
  using dataset = await loadDataset(jpegImages(['a', 'b'].map(picture)))
  using part = dataset.subset([1])
  t.deepEqual(part.balance, {
    classes: [
      { name: 'a', count: 0, share: 0 },
      { name: 'b', count: 1, share: 1 },
    ],
    ratio: Infinity,
  })
})
