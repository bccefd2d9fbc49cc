/** Experiments: what they measure, what they write, and that a run goes on where it was interrupted. */
import { appendFile, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import sharp from 'sharp'
import { convertModel, experimentNames, loadModel, runExperiment, type ExperimentOptions } from '../../src-ts/index.js'
import { sumOf, where } from '../../src-ts/experiments/rows.js'
import { jpegnet } from '../cli/command.js'
import { failsWith } from '../fixtures/modelError.js'
import { folderOf, inTwoFolders, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { dataFolder, run } from './running.js'

test('the error of ReLU by masking is that of pixels in float64, for ASM and APX at every φ', async t => {
  const out = join(await temporaryFolder(t), 'out')
  const { rows, report } = await run('relu-blocks', { out, quick: true })
  const reference = {
    asm: [0.344, 0.295, 0.239, 0.171, 0.122, 0.079, 0.049, 0.031, 0.015, 0.009, 0.005, 0.002, 0.0004, 0, 0],
    apx: [0.365, 0.334, 0.297, 0.253, 0.219, 0.18, 0.142, 0.109, 0.072, 0.052, 0.037, 0.023, 0.01, 0.003, 0],
  }
  const errors = (blocks: string, masking: string) =>
    rows.filter(row => row['blocks'] === blocks && row['masking'] === masking).map(row => Number(row['error']))
  for (const masking of ['asm', 'apx'] as const) {
    const found = errors('boxes', masking)
    t.is(found.length, 15)
    t.true(
      found.every((error, at) => Math.abs(error - (reference[masking][at] ?? NaN)) < 0.004),
      masking,
    )
  }
  const [asm, apx] = [errors('pixels', 'asm'), errors('pixels', 'apx')]
  t.true(asm.every((error, at) => at === 14 || error < (apx[at] ?? NaN)))
  const html = await readFile(report, 'utf8')
  t.true(html.includes('<svg') && html.includes('prefers-color-scheme'))
  t.notRegex(html, /<script|src=|href=|url\(/)
})

test('an experiment writes its rows, its figures and a page, and a second run does nothing again', async t => {
  const [data, folder] = [await dataFolder(t), await temporaryFolder(t)]
  const options = { data, out: join(folder, 'out'), quick: true }
  const first = await run('frequencies-converted', options)
  t.deepEqual(
    first.parts.map(part => 'title' in part && part.title),
    ['training, seed 1', 'ASM, seed 1', 'APX, seed 1', 'band-limited, seed 1'],
  )
  t.is(first.rows.length, 12)
  const exact = first.rows.filter(row => row['frequencies'] === 15).map(row => row['accuracy'])
  t.deepEqual([...new Set(exact)].length, 1, 'all frequencies are the exact network in every mode')
  const written = await readdir(options.out)
  for (const name of ['accuracy.svg', 'experiment.json', 'parts.jsonl', 'report.html', 'results.csv']) {
    t.true(written.includes(name), name)
  }
  const [head, ...lines] = (await readFile(first.csv, 'utf8')).trimEnd().split('\n')
  t.is(head, 'seed,mode,frequencies,images,accuracy')
  t.is(lines.length, 12)
  const second = await run('frequencies-converted', options)
  t.deepEqual([second.parts.length, second.rows], [0, first.rows])
})

test('a network has the same answers on pixels in ONNX Runtime and on coefficients here', async t => {
  const [data, folder] = [await dataFolder(t), await temporaryFolder(t)]
  const { rows } = await run('conversion', { data, out: join(folder, 'out'), seeds: 2, quick: true })
  const accuracies = where(rows, { what: 'accuracy' })
  t.is(accuracies.length, 2)
  for (const row of accuracies) {
    t.is(row['before'], row['after'] as number)
    t.is(row['same'], 1)
    t.true(Number(row['largestDeviation']) < 1e-4 && Number(row['largestLogit']) > 0)
  }
  for (const seed of [1, 2]) {
    t.true(Math.abs(sumOf(where(rows, { what: 'deviations', seed }), 'share') - 1) < 1e-9, 'every logit is counted')
  }
  const { model } = await convertModel(join(folder, 'out/models/spatial-1.safetensors'))
  t.is(model.classes, 2, 'the weights that were converted are kept')
})

test('networks are trained at each φ and in each mode, and none is left behind', async t => {
  const [data, folder] = [await dataFolder(t), await temporaryFolder(t)]
  const out = join(folder, 'out')
  const { rows, parts } = await run('frequencies-trained', { data, out, quick: true })
  t.is(parts.length, 4)
  t.deepEqual(
    rows.map(({ mode, frequencies, images }) => [mode, frequencies, images]),
    [4, 15].flatMap(frequencies => ['asm', 'apx', 'band-limited'].map(mode => [mode, frequencies, 40])),
  )
  t.deepEqual(await readdir(join(out, 'models')), [])
})

test('networks trained on CIFAR-10 are drawn beside the paper’s, and those on other pictures are not', async t => {
  const classes = 'airplane automobile bird cat deer dog frog horse ship truck'.split(' ')
  const files = classes.flatMap((name, at) => [0, 1].map(copy => [`${name}/${copy}.jpg`, jpegs[at] as Buffer] as const))
  const folder = await temporaryFolder(t)
  const pages = await Promise.all(
    [dataFolder(t, Object.fromEntries(files)), dataFolder(t)].map(async (data, at) => {
      const { report } = await run('frequencies-trained', { data: await data, out: join(folder, `${at}`), quick: true })
      return readFile(report, 'utf8')
    }),
  )
  const [cifar = '', other = ''] = pages
  t.regex(cifar, /what the paper has for CIFAR-10, where networks on pixels get 72\.8 %/)
  // φ = 4 of the table: the paper's ASM and APX are its last two columns.
  t.regex(cifar, /<tr><td>4<\/td>(<td>[\d.]+<\/td>){3}<td>66\.0<\/td><td>65\.2<\/td><\/tr>/)
  t.regex(cifar, /stroke-dasharray="4 3"/)
  t.notRegex(other, /paper has|, paper</)
})

test('a quick run looks at few pictures if they are large', async t => {
  const large = await sharp(jpegs[0]).resize(640, 640, { fit: 'fill' }).jpeg().toBuffer()
  const files = Array.from({ length: 30 }, (_, at) => [`${at % 2 ? 'odd' : 'even'}/${at}.jpg`, large] as const)
  const [data, folder] = [await dataFolder(t, Object.fromEntries(files)), await temporaryFolder(t)]
  const { rows } = await run('conversion', { data, out: join(folder, 'out'), quick: true, epochs: 1 })
  t.deepEqual(
    where(rows, { what: 'accuracy' }).map(({ images }) => images),
    [20],
    '2 ** 23 pixels',
  )
})

test('a run that was interrupted goes on, whatever it had half written', async t => {
  const [data, folder] = [await dataFolder(t), await temporaryFolder(t)]
  const whole = await run('frequencies-converted', { data, out: join(folder, 'whole'), quick: true })
  const out = join(folder, 'out')
  const controller = new AbortController()
  await failsWith(
    t,
    async () => {
      for await (const event of runExperiment('frequencies-converted', {
        data,
        out,
        quick: true,
        signal: controller.signal,
      })) {
        if (event.type === 'part' && event.title.startsWith('APX')) controller.abort()
      }
    },
    { code: 'ABORTED' },
  )
  await appendFile(join(out, 'parts.jsonl'), '{"key":"apx-0","seconds":1,"ro')
  const rest = await run('frequencies-converted', { data, out, quick: true })
  t.is(rest.parts.length, 2)
  t.deepEqual(rest.rows, whole.rows)
})

test('folders that hold something else, and data that is not there, are refused', async t => {
  const [data, folder] = [await dataFolder(t, 12), await temporaryFolder(t)]
  const out = join(folder, 'out')
  await run('relu-blocks', { out, quick: true })
  const refused = (name: string, options: Partial<ExperimentOptions>, expected: Parameters<typeof failsWith>[2]) =>
    failsWith(t, () => run(name, { out, quick: true, ...options }), expected)
  const invalid = 'INVALID_OPTION' as const
  await refused('frequencies-converted', { data }, { code: invalid, found: 'results of experiment relu-blocks' })
  await refused('relu-blocks', { epochs: 2 }, { code: invalid, found: 'results of epochs 3' })
  await refused('relu-blocks', { data }, { code: invalid, expected: 'nothing, because relu-blocks needs no images' })
  await refused('frequencies-converted', {}, { code: invalid, expected: 'a folder of images' })
  const nowhere = join(folder, 'none')
  await refused('frequencies-converted', { data: nowhere }, { code: 'FILE_NOT_FOUND', path: nowhere })
  await refused('frequencies-converted', { data: folder }, { code: 'NO_CLASSES', path: out })
  await refused('nothing', {}, { code: invalid, expected: experimentNames.join(', ') })
  await writeFile(join(folder, 'precious.txt'), 'mine')
  await refused('relu-blocks', { out: folder }, { code: invalid, path: folder })
  t.deepEqual((await readdir(folder)).sort(), ['out', 'precious.txt'], 'nothing is made in a folder that is refused')
  const names = Array.from({ length: 12 }, (_, number) => `${number}.jpg`)
  const bad = await folderOf(t, {
    ...Object.fromEntries(
      ['train', 'test']
        .flatMap(set => names.flatMap(name => [`${set}/a/${name}`, `${set}/b/${name}`]))
        .map(file => [file, 'no JPEG']),
    ),
  })
  await refused('frequencies-converted', { data: bad, out: join(folder, 'bad') }, { code: 'NOT_JPEG' })
  const small = { data: await dataFolder(t, 4), out: join(folder, 'small') }
  await refused('sparsity', small, { code: 'NO_CLASSES', expected: 'at least 10 JPEG files', found: '4' })
  const [one] = Object.values(inTwoFolders(1))
  const alone = names.flatMap(name => [`train/a/${name}`, `train/b/${name}`, `test/a/${name}`, `test/c/${name}`])
  const other = await folderOf(t, Object.fromEntries(alone.map(name => [name, one as Uint8Array])))
  await refused('quality', { data: other, out: join(folder, 'other') }, { code: 'LABELS_MISMATCH', found: 'a, c' })
  const lonely = await folderOf(
    t,
    Object.fromEntries(alone.filter(name => name.includes('/a/')).map(name => [name, one as Uint8Array])),
  )
  await refused('quality', { data: lonely, out: join(folder, 'lonely') }, { code: 'NO_CLASSES', found: 'one (a)' })
})

test('a folder of classes that is not divided is divided, a fifth of each class to be tested on', async t => {
  const [data, folder] = [await folderOf(t, inTwoFolders(100)), await temporaryFolder(t)]
  const { rows } = await run('conversion', { data, out: join(folder, 'out'), quick: true })
  t.is(rows[0]?.['images'], 20)
  const refused = (data: string, expected: string, found: string) =>
    failsWith(t, () => run('conversion', { data, out: join(folder, 'other'), quick: true }), {
      code: 'NO_CLASSES',
      path: data,
      expected,
      found,
    })
  await refused(await folderOf(t, inTwoFolders(40)), 'at least 10 JPEG files to test on', '8')
  const above = await folderOf(
    t,
    Object.fromEntries(
      Object.entries(inTwoFolders(20)).flatMap(([file, jpeg]) => [
        [`one/train/${file}`, jpeg],
        [`one/test/${file}`, jpeg],
        [`two/${file}`, jpeg],
      ]),
    ),
  )
  await refused(above, 'folders train and test', `such folders within ${join(above, 'one')}`)
  const [first] = jpegs as [Buffer]
  const alone = await folderOf(t, { 'train/a/1.jpg': first, 'train/a/2.jpg': first })
  await refused(alone, 'folders train and test, or at least two classes', 'one (train)')
})

test('a run of more seeds goes on from one of fewer', async t => {
  const out = join(await temporaryFolder(t), 'out')
  const { rows: few } = await run('relu-blocks', { out, quick: true })
  const { rows: more, parts } = await run('relu-blocks', { out, quick: true, seeds: 2 })
  t.is(parts.length, 2)
  t.deepEqual(more.slice(0, few.length), few)
  await failsWith(t, () => run('relu-blocks', { out, quick: true }), {
    code: 'INVALID_OPTION',
    found: 'results of seeds 2',
  })
})

test('the command tells where the results are, and refuses to mix them', async t => {
  const out = join(await temporaryFolder(t), 'out')
  const { code, stderr } = await jpegnet(['experiment', 'relu-blocks', '--out', out, '--quick'])
  t.is(code, 0, stderr)
  t.regex(stderr, /wrote .*results\.csv and .*report\.html/)
  const again = await jpegnet(['experiment', 'relu-blocks', '--out', out])
  t.is(again.code, 1)
  t.regex(again.stderr, /expected a folder for epochs 10, found results of epochs 3/)
})

test('the command tells how far it is, and an interrupt keeps what is done and says how to go on', async t => {
  const [data, out] = [await dataFolder(t), join(await temporaryFolder(t), 'out')]
  const args = ['experiment', 'conversion', '--data', data, '--out', out, '--quick', '--epochs', '1000']
  const { code, stderr } = await jpegnet(args, { interruptAgain: /left, training, seed 1/ })
  t.is(code, 130)
  t.regex(stderr, /conversion: \d+\/100 {2}about \d+ (s|min) left, training, seed 1\n/)
  t.regex(stderr, /stopped; the same command goes on from what is in .*out\n$/)
  const trained = (await loadModel(join(out, 'models/paper-0.model'))).training?.epoch ?? 0
  t.true(trained > 0 && trained < 1000)
})

test('a part tells how far it is, and ends with whoever stops listening', async t => {
  const [data, folder] = [await dataFolder(t, 400), await temporaryFolder(t)]
  const options = { data, out: join(folder, 'out'), quick: true, epochs: 200 }
  let last = 0
  for await (const event of runExperiment('conversion', options)) {
    if (event.type !== 'progress') continue
    t.true(event.done > last && event.done < event.total && (event.secondsLeft as number) > 0)
    last = event.done
    if (event.done / event.total > 0.02) break
  }
  t.true(last > 0)
  const [model] = await readdir(join(options.out, 'models'))
  const found = model === undefined ? undefined : (await loadModel(join(options.out, 'models', model))).training
  t.true((found?.epoch ?? 0) < 200)
})
