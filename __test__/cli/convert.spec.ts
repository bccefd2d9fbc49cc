import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { loadModel, readSafetensors, writeSafetensors } from '../../src-ts/index.js'
import { fixture, temporaryFolder } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

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
    join(scratch, 'm'),
    '--classes',
    join(scratch, 'names.txt'),
  ]
  t.is((await jpegnet(args)).code, 0)
  using model = await loadModel(join(scratch, 'm'))
  t.deepEqual(model.labels, names)
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
    /^jpegnet: .*changed\.safetensors: expected every tensor of paper, found 1 missing and 1 of other shapes\n$/,
  )
  t.false(existsSync(out))

  const text = (await jpegnet(['convert', file, '--model', 'paper', '--out', out])).lines.join('\n')
  t.regex(
    text,
    /missing: block3\.bn2\.running_var\nunused: ema\.decay\nmismatched: block1\.conv2\.weight \(expected .*, found .*\)/,
  )
})
