/** `jpegnet train --from`: another head on weights that were trained before. */
import { join } from 'node:path'
import test from 'ava'
import { loadModel, readSafetensors } from '../../src-ts/index.js'
import { folderOf, inTwoFolders } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

const quick = ['--epochs', '1', '--batch-size', '5', '--seed', '3']

test('a training from a model of other classes has a new head on its body, frozen where that is said', async t => {
  const first = inTwoFolders(10)
  const folder = await folderOf(t, {
    ...Object.fromEntries(Object.entries(first).map(([file, jpeg]) => [`two/${file}`, jpeg])),
    ...Object.fromEntries(Object.values(first).map((jpeg, at) => [`three/${'abc'[at % 3]}/${at}.jpg`, jpeg])),
  })
  const at = (name: string) => join(folder, name)
  const make = await jpegnet(['train', at('two'), '--out', at('a.model'), '--model', 'cifar-resnet20', ...quick])
  t.is(make.code, 0, make.stderr)
  const from = ['train', at('three'), '--from', at('a.model'), '--freeze', 'conv1,bn1,layer*']
  const tuned = await jpegnet([...from, '--out', at('b.model'), ...quick])
  t.is(tuned.code, 0, tuned.stderr)
  t.regex(tuned.stderr, /begins with .*a\.model, but for its head: 3 new classes in place of 2/)
  using model = await loadModel(at('b.model'))
  t.deepEqual(model.labels, ['a', 'b', 'c'])
  const [before, after] = [await readSafetensors(at('a.model')), await model.parameters()]
  for (const { name, values, shape } of after) {
    if (name.startsWith('linear.')) t.is(shape[0], 3)
    else t.deepEqual(before.tensors.find(tensor => tensor.name === name)?.values, values, name)
  }
  // The same classes keep the head that tells them apart.
  const again = await jpegnet(['train', at('two'), '--from', at('a.model'), '--out', at('c.model'), ...quick])
  t.is(again.code, 0, again.stderr)
  t.regex(again.stderr, /begins with .*a\.model, which tells these 2 classes apart/)
  const larger = ['train', at('three'), '--from', at('a.model'), '--size', '40', '--out', at('d.model'), ...quick]
  t.is((await jpegnet(larger)).code, 0)
  using wide = await loadModel(at('d.model'))
  t.like(wide.definition.input, { width: 40, height: 40 })
})

test('a new head alone learns unless something else is said', async t => {
  const first = Object.entries(inTwoFolders(10))
  const folder = await folderOf(t, {
    ...Object.fromEntries(first.map(([file, jpeg]) => [`two/${file}`, jpeg])),
    ...Object.fromEntries(first.map(([, jpeg], at) => [`three/${'abc'[at % 3]}/${at}.jpg`, jpeg])),
  })
  const at = (name: string) => join(folder, name)
  t.is((await jpegnet(['train', at('two'), '--out', at('a.model'), ...quick])).code, 0)
  const body = async (name: string) => {
    const { tensors } = await readSafetensors(at(name))
    return tensors.filter(({ name }) => !name.startsWith('optimizer.') && !name.startsWith('linear.'))
  }
  const from = ['train', at('three'), '--from', at('a.model'), ...quick]
  const head = await jpegnet([...from, '--out', at('b.model'), '--epochs', '3'])
  t.is(head.code, 0, head.stderr)
  t.regex(head.stderr, /the head alone learns: its body was trained before \(--freeze none\)/)
  t.deepEqual(await body('b.model'), await body('a.model'))
  const all = await jpegnet([...from, '--out', at('c.model'), '--freeze', 'none'])
  t.is(all.code, 0, all.stderr)
  t.notDeepEqual(await body('c.model'), await body('a.model'))
  const none = await jpegnet(['train', at('three'), '--from', 'none', '--out', at('d.model'), ...quick])
  t.is(none.code, 0, none.stderr)
  t.regex(none.stderr, /chosen by all 10 images:\n {2}colour: all images are in colour \(--channels\)/)
})

test('what contradicts the model is refused', async t => {
  const files = Object.entries(inTwoFolders(4)).map(([file, jpeg]) => [`two/${file}`, jpeg])
  const folder = await folderOf(t, Object.fromEntries(files) as Record<string, Buffer>)
  const [data, model, out] = [join(folder, 'two'), join(folder, 'a.model'), join(folder, 'b.model')]
  t.is((await jpegnet(['train', data, '--out', model, ...quick])).code, 0)
  const cases: [string[], RegExp][] = [
    [['--from', model, '--resume', model], /--from: expected nothing beside --resume/],
    [
      ['--from', model, '--model', 'resnet18'],
      /--model: expected cifar-resnet20, as .*a\.model has it, found resnet18/,
    ],
    [['--from', model, '--mean', '0.1'], /--mean: expected 0\.5,0\.5,0\.5, as .*a\.model has it/],
    [
      ['--from', join(folder, 'none.model')],
      /none\.model: expected a file, a folder, an installed npm package or one of resnet50, found none/,
    ],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await jpegnet(['train', data, '--out', out, ...quick, ...args])
    t.is(code, 1)
    t.regex(stderr, message)
  }
})
