/** What is chosen for pictures, from all of them. */
import test from 'ava'
import {
  jpegImages,
  loadDataset,
  recommend,
  suitsPretrained,
  type DatasetSurvey,
  type RecommendOptions,
} from '../../src-ts/index.js'
import { failsWith } from '../fixtures/modelError.js'
import { tenImages } from '../fixtures/pictures.js'

/** So many pictures of each size, in classes that a mirror does not exchange. */
function survey(sizes: [width: number, height: number, count: number][], more: Partial<DatasetSurvey> = {}) {
  const images = sizes.reduce((sum, [, , count]) => sum + count, 0)
  const counted = sizes.map(([width, height, count]) => ({ width, height, count })).sort((a, b) => b.count - a.count)
  return { images, classes: ['cat', 'dog'], gray: 0, sizes: counted, ...more }
}

interface Expected {
  channels?: number
  size?: [number, number]
  name?: string
  transform?: boolean
  augment?: string[]
  epochs?: number
  batchSize?: number
}

const cases: [string, DatasetSurvey, RecommendOptions, Expected][] = [
  [
    'small equal pictures in colour stay as they are',
    survey([[32, 32, 50_000]]),
    {},
    {
      channels: 3,
      size: [32, 32],
      name: 'cifar-resnet20',
      transform: false,
      augment: ['cover', 'randomCrop', 'flipHorizontally'],
      epochs: 10,
      batchSize: 64,
    },
  ],
  [
    'small gray pictures are not mirrored',
    survey([[28, 28, 60_000]], { gray: 60_000 }),
    {},
    { channels: 1, size: [28, 28], name: 'paper', augment: ['cover', 'randomCrop'], epochs: 8 },
  ],
  ['one gray picture among coloured ones changes nothing', survey([[32, 32, 100]], { gray: 1 }), {}, { channels: 3 }],
  ['nor does a coloured one among many gray ones', survey([[32, 32, 200]], { gray: 199 }), {}, { channels: 1 }],
  [
    'a few odd sizes change nothing',
    survey([
      [32, 32, 20],
      [9, 7, 1],
      [4000, 3000, 1],
    ]),
    {},
    { size: [32, 32], transform: false },
  ],
  [
    'photos of many sizes become a square that most support',
    survey([
      [640, 480, 300],
      [480, 640, 200],
      [4000, 3000, 1],
      [50, 40, 3],
    ]),
    {},
    { size: [96, 96], name: 'resnet18', transform: true, augment: ['randomResizedCrop', 'flipHorizontally'] },
  ],
  [
    'a smaller square if fewer are large',
    survey([
      [70, 90, 60],
      [300, 200, 40],
    ]),
    {},
    { size: [64, 64], transform: true },
  ],
  ['pictures of a pixel are enlarged', survey([[1, 1, 40]]), {}, { size: [8, 8], transform: true }],
  [
    'long pictures keep their shape',
    survey([
      [800, 200, 90],
      [820, 205, 30],
    ]),
    {},
    { size: [192, 48] },
  ],
  [
    'classes that a mirror exchanges are not mirrored',
    survey([[400, 300, 90]], { classes: ['turn left', 'turn right'] }),
    {},
    { augment: ['randomResizedCrop'] },
  ],
  [
    'what is given is kept',
    survey([[400, 300, 90]]),
    { network: 'paper', width: 64, height: 48, channels: 1, epochs: 3, batchSize: 7 },
    { channels: 1, size: [64, 48], name: 'paper', epochs: 3, batchSize: 7 },
  ],
  ['no last batch is of one picture', survey([[32, 32, 33]]), {}, { batchSize: 15 }],
  ['of few pictures there are many epochs', survey([[32, 32, 20]]), {}, { epochs: 60, batchSize: 16 }],
]

for (const [title, pictures, options, expected] of cases) {
  test(`${title}`, t => {
    const { definition, training } = recommend(pictures, options)
    const { channels, width, height, transform } = definition.input
    const found: Required<Expected> = {
      channels,
      size: [width, height],
      name: definition.name,
      transform: (transform ?? []).length > 0,
      augment: (training.augment ?? []).map(({ type }) => type),
      epochs: training.epochs as number,
      batchSize: training.batchSize as number,
    }
    t.like(found, expected)
  })
}

test('every choice that was not given is told with what it comes from', t => {
  const photos = survey([[640, 480, 2000]], { gray: 12 })
  t.deepEqual(
    recommend(photos).choices.map(({ what }) => what),
    ['colour', 'size', 'network', 'augmentation', 'length'],
  )
  t.deepEqual(
    recommend(photos, { channels: 3, width: 64, network: 'resnet18' }).choices.map(({ what }) => what),
    ['augmentation', 'length'],
  )
  t.is(recommend(photos).choices[0]?.because, '12 of 2,000 images are gray')
})

test('one class is refused with a sentence', async t => {
  await failsWith(t, () => Promise.resolve().then(() => recommend(survey([[32, 32, 5]], { classes: ['cat'] }))), {
    code: 'NO_CLASSES',
    message: 'expected images of at least two classes, found one, cat',
  })
})

test('a data set tells sizes and colours of all its pictures, and what is chosen for it learns', async t => {
  using dataset = await loadDataset(jpegImages(tenImages))
  t.deepEqual(dataset.survey(), {
    images: 10,
    classes: Array.from({ length: 10 }, (_, number) => `${number}`),
    gray: 0,
    sizes: [{ width: 32, height: 32, count: 10 }],
  })
  using part = dataset.subset([3, 4])
  t.like(part.survey(), { images: 2, sizes: [{ width: 32, height: 32, count: 2 }] })
  t.deepEqual(
    recommend(dataset).training.augment?.map(({ type }) => type),
    ['cover', 'randomCrop'],
    'digits are not mirrored',
  )
})

test('a network of ImageNet suits few photos in colour, and nothing else', t => {
  const photos = survey([[640, 480, 800]])
  t.true(suitsPretrained(photos))
  t.false(suitsPretrained({ ...photos, gray: 700 }))
  t.false(suitsPretrained(survey([[32, 32, 800]])))
  t.false(suitsPretrained(survey([[640, 480, 80_000]])))
})
