import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { readSafetensors } from '../../src-ts/index.js'
import { fixture, jpegPaths, temporaryFolder } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

/** The reference's weights as a model, normalising as the reference did. */
async function convertedPaperResnet(t: ExecutionContext): Promise<string> {
  const { metadata } = await readSafetensors(fixture('reference/paper_resnet_io.safetensors'))
  const share = (key: string) => (JSON.parse(metadata[key] ?? '') as number[]).map(value => value / 255).join(',')
  const out = join(await temporaryFolder(t), 'paper.model')
  const weights = fixture('reference/paper_resnet.safetensors')
  const normalisation = ['--mean', share('mean'), '--std', share('std')]
  const outcome = await jpegnet(['convert', weights, '--model', 'paper', '--out', out, ...normalisation, '--json'])
  t.is(outcome.code, 0, outcome.stderr)
  const [report] = outcome.json
  t.like(report, { missing: [], unused: [], mismatched: [] })
  t.is((report?.['applied'] as string[]).length, 56)
  return out
}

test('converted weights predict the reference logits at every number of frequencies', async t => {
  const model = await convertedPaperResnet(t)
  const { tensors } = await readSafetensors(fixture('reference/paper_resnet_io.safetensors'))
  for (const frequencies of [1, 4, 6, 8, 12, 15]) {
    const mode = ['--mode', 'approximated', '--masking', 'asm', '--frequencies', String(frequencies)]
    const { code, json, stderr } = await jpegnet(['predict', model, ...jpegPaths, ...mode, '--json'])
    t.is(code, 0, stderr)
    const name = `logits_${String(frequencies).padStart(2, '0')}`
    const expected = tensors.find(tensor => tensor.name === name)?.values ?? new Float32Array()
    const logits = json.flatMap(line => line['logits'] as number[])
    t.is(logits.length, expected.length)
    const error = Math.max(...logits.map((logit, index) => Math.abs(logit - (expected[index] ?? NaN))))
    t.log(`φ = ${frequencies}: largest error of a logit ${error.toExponential(1)}`)
    t.true(error < 1e-3)
  }
})

test('five steps from the reference weights give the reference losses', async t => {
  const model = await convertedPaperResnet(t)
  const folder = await temporaryFolder(t)
  for (const [index, path] of jpegPaths.entries()) {
    await mkdir(join(folder, String(index)))
    await copyFile(path, join(folder, String(index), 'picture.jpg'))
  }
  const { metadata } = await readSafetensors(fixture('reference/paper_resnet_after_5_steps_15.safetensors'))
  const expected = JSON.parse(metadata['losses'] ?? '') as number[]
  const update = ['--optimizer', 'sgd', '--momentum', '0.9', '--learning-rate', '0.002', '--weight-decay', '5e-4']
  const order = ['--no-shuffle', '--schedule', 'constant', '--batch-size', '10', '--epochs', '5']
  const out = join(folder, 'trained.model')
  const outcome = await jpegnet(['train', folder, '--resume', model, '--out', out, ...update, ...order, '--json'])
  t.is(outcome.code, 0, outcome.stderr)
  const losses = outcome.json.filter(({ type }) => type === 'epoch').map(({ loss }) => loss as number)
  t.is(losses.length, 5)
  const errors = losses.map((loss, index) => Math.abs(loss / (expected[index] ?? NaN) - 1))
  t.log(`relative errors ${errors.map(error => error.toExponential(1)).join(' ')}`)
  // Pixels of the first step lie 3e-7 and 5e-7 from a ReLU's edge: an instruction set that rounds them to the other side
  // leaves the reference's path (see the engine's reference tests), so later losses have a bound that allows for it.
  errors.slice(0, 2).forEach(error => t.true(error < 1e-3))
  errors.slice(2).forEach(error => t.true(error < 0.1))
})
