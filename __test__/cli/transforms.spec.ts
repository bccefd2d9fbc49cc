/** Flags about what is done to pictures. */
import { join } from 'node:path'
import test from 'ava'
import {
  centerCrop,
  colorJitter,
  cover,
  createModel,
  cutMix,
  cutout,
  grayscale,
  loadModel,
  mixup,
  paperResnet,
  randomCrop,
  randomErasing,
  randomGrayscale,
  randomHorizontalFlip,
  randomResizedCrop,
  randomRightAngle,
  randomVerticalFlip,
  resize,
  writeSafetensors,
} from '../../src-ts/index.js'
import { folderOf, inTwoFolders, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

const short = ['--epochs', '1', '--batch-size', '5']

test('every augmentation has its name, in any order, and the checkpoint keeps them', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'm.model')
  const names = 'cutout,erase,gray,jitter,rotate,flip-vertical,flip,resized-crop,crop,mixup,cutmix'
  const { code, stderr } = await jpegnet(['train', folder, '--out', out, ...short, '--augment', names])
  t.is(code, 0, stderr)
  using model = await loadModel(out)
  const size = { width: 32, height: 32 }
  t.deepEqual(model.training?.settings.augment, [
    randomRightAngle(),
    randomVerticalFlip(),
    randomHorizontalFlip(),
    randomResizedCrop(size),
    cover(size),
    randomCrop(size, { padding: 4 }),
    randomGrayscale(),
    colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4 }),
    cutout(16),
    randomErasing(),
  ])
  t.deepEqual(model.training?.settings.mix, [mixup(), cutMix()])

  const numbers = 'crop=2,resized-crop=0.5,flip=0.1,jitter=0.2,gray=0.3,erase=1,cutout=8,mixup=1,cutmix=0.5'
  const again = join(await temporaryFolder(t), 'again.model')
  const args = ['train', folder, '--resume', out, '--out', again, '--force', '--epochs', '2']
  const resumed = await jpegnet([...args, '--augment', numbers])
  t.is(resumed.code, 0, resumed.stderr)
  t.regex(resumed.stderr, /changed since the checkpoint: augment was/)
  using changed = await loadModel(again)
  t.deepEqual(changed.training?.settings.augment, [
    cover(size),
    randomCrop(size, { padding: 2 }),
    randomResizedCrop(size, { scale: [0.5, 1] }),
    randomHorizontalFlip({ probability: 0.1 }),
    colorJitter({ brightness: 0.2, contrast: 0.2, saturation: 0.2 }),
    randomGrayscale({ probability: 0.3 }),
    randomErasing({ probability: 1 }),
    cutout(8),
  ])
  t.deepEqual(changed.training?.settings.mix, [mixup({ alpha: 1 }), cutMix({ alpha: 0.5 })])

  t.is((await jpegnet([...args, '--augment', 'none'])).code, 0)
  using without = await loadModel(again)
  t.deepEqual([without.training?.settings.augment, without.training?.settings.mix], [[], []])
})

test('a size of the network, pictures of others, and what is done to those that are tested', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const out = join(await temporaryFolder(t), 'm.model')
  const sized = ['--size', '24x16', '--transform', 'resize=30:bicubic,center-crop=24x16,gray']
  const { code, stderr, json } = await jpegnet([
    'train',
    folder,
    '--test',
    folder,
    '--out',
    out,
    ...short,
    ...sized,
    '--json',
  ])
  t.is(code, 0, stderr)
  t.regex(stderr, /^10 of 10 images and 10 of the test are not 24×16: /m)
  t.like(json[0], { type: 'start', ofOtherSize: 10, testOfOtherSize: 10 })
  using model = await loadModel(out)
  const transform = [resize(30, { interpolation: 'bicubic' }), centerCrop({ width: 24, height: 16 }), grayscale()]
  t.like(model.definition.input, { width: 24, height: 16 })
  t.deepEqual(model.definition.input.transform, transform)

  const file = join(folder, 'even/0.jpg')
  const logitsOf = async (...flags: string[]) =>
    (await jpegnet(['predict', out, file, '--json', ...flags])).json[0]?.['logits'] as number[]
  const answered = async (given?: typeof transform) => (await model.predict(file, { transform: given }))[0]?.logits
  // Another process may plan otherwise, and round otherwise.
  const apart = (a: readonly number[], b: readonly number[] | undefined) =>
    Math.max(...a.map((value, index) => Math.abs(value - (b?.[index] ?? NaN))))
  t.true(apart(await logitsOf(), await answered()) < 1e-5)
  t.true(apart(await logitsOf('--transform', 'none'), await answered([])) < 1e-5)
  const resized = await logitsOf('--transform', 'resize=40x20,cover=24x16')
  t.true(apart(resized, await answered([resize({ width: 40, height: 20 })])) < 1e-5)
  t.true(apart(await logitsOf(), await logitsOf('--transform', 'none')) > 1e-4)
  const lossOf = async (...flags: string[]) =>
    (await jpegnet(['evaluate', out, folder, '--json', ...flags])).json[0]?.['loss'] as number
  t.not(await lossOf(), await lossOf('--transform', 'none'))

  const resumed = await jpegnet(['train', folder, '--resume', out, '--out', out, '--epochs', '2', ...sized])
  t.is(resumed.code, 0, resumed.stderr)
  const other = ['train', folder, '--resume', out, '--out', out, '--epochs', '3']
  for (const flags of [
    ['--size', '24'],
    ['--transform', 'none'],
  ]) {
    const refused = await jpegnet([...other, ...flags])
    t.is(refused.code, 1)
    t.regex(refused.stderr, new RegExp(`^jpegnet: ${flags[0]}: expected .* as .*m\\.model has it, found .*\n$`))
  }
})

test('pictures of the network’s size are not remarked on', async t => {
  const folder = await folderOf(t, inTwoFolders(10))
  const { stderr } = await jpegnet(['train', folder, '--out', join(await temporaryFolder(t), 'm.model'), ...short])
  t.notRegex(stderr, /are not/)
})

test('a converted model keeps its transform', async t => {
  const folder = await folderOf(t, { 'a.jpg': jpegs[0] as Buffer })
  const [weights, out] = [join(folder, 'w.safetensors'), join(folder, 'm.model')]
  using model = createModel(paperResnet())
  await writeSafetensors(weights, { tensors: await model.parameters() })
  const args = ['convert', weights, '--model', 'paper', '--transform', 'resize=36,center-crop=32', '--out', out]
  const { code, stderr } = await jpegnet(args)
  t.is(code, 0, stderr)
  using converted = await loadModel(out)
  t.deepEqual(converted.definition.input.transform, [resize(36), centerCrop(32)])
})

const wrongFlags = test.macro(async (t, flags: string[], message: RegExp) => {
  const folder = await folderOf(t, inTwoFolders(2))
  const { code, stderr } = await jpegnet(['train', folder, '--out', join(folder, 'm.model'), ...flags])
  t.is(code, 1, stderr)
  t.regex(stderr, message)
  t.is(stderr.trimEnd().split('\n').length, 1, stderr)
})
test(
  'an unknown augmentation is refused',
  wrongFlags,
  ['--augment', 'flip,shear'],
  /--augment.* names among crop, .* found shear\./,
)
test('none beside others is refused', wrongFlags, ['--augment', 'flip,none'], /or none alone, found none\./)
test(
  'a probability of 2 is refused',
  wrongFlags,
  ['--augment', 'flip=2'],
  /flip=x with a probability from 0 to 1, found flip=2\./,
)
test(
  'a number for what takes none is refused',
  wrongFlags,
  ['--augment', 'rotate=1'],
  /rotate without a number, found rotate=1\./,
)
test('half a pixel is refused', wrongFlags, ['--augment', 'cutout=1.5'], /cutout=x with pixels, .* found cutout=1\.5\./)
test('an augmentation of Object is refused', wrongFlags, ['--augment', 'toString'], /found toString\./)
test(
  'a size of one side and a half is refused',
  wrongFlags,
  ['--size', '24x'],
  /a size such as 224 or 320x240, found 24x\./,
)
test('a size of nothing is refused', wrongFlags, ['--size', '0'], /a size such as 224 or 320x240, found 0\./)
test('an unknown transform is refused', wrongFlags, ['--transform', 'flip'], /--transform.*or none alone, found flip\./)
test('a filter that is none is refused', wrongFlags, ['--transform', 'resize=3:box'], /found resize=3:box\./)
test(
  'gray before geometry is refused',
  wrongFlags,
  ['--transform', 'gray,resize=3'],
  /gray last, found gray,resize=3\./,
)
