import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { createModel, crop, defineModel, paperResnet, readSafetensors, writeSafetensors } from '../../src-ts/index.js'
import { fixture, folderOf, jpegs } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

/** Each makes a wrong command line and says what its one line on stderr must contain. */
const wrong: Record<string, (folder: string) => Promise<[string[], RegExp]> | [string[], RegExp]> = {
  'a missing file': folder => [['inspect', join(folder, 'none.jpg')], /none\.jpg: expected a file, found none/],
  'an empty file': folder => [
    ['inspect', join(folder, 'bad/empty.jpg')],
    /empty\.jpg: expected a JPEG file, found an empty one/,
  ],
  'a truncated file': folder => [['inspect', join(folder, 'bad/cut.jpg')], /cut\.jpg: expected a whole JPEG file/],
  'a file that is no JPEG': folder => [['inspect', join(folder, 'bad/text.jpg')], /text\.jpg: expected a JPEG file/],
  'a missing folder': folder => [
    ['train', join(folder, 'none'), '--out', 'x.model'],
    /none: expected a folder, found none/,
  ],
  'a folder with no classes': folder => [['train', join(folder, 'bad'), '--out', 'x.model'], /expected a folder with/],
  'a folder with one class': async folder => {
    await writeFile(join(folder, 'one/a.jpg'), jpegs[0] as Buffer)
    return [['train', join(folder, 'single'), '--out', 'x.model'], /at least two classes, found one/]
  },
  'a class folder with damaged files': folder => [['train', join(folder, 'damaged'), '--out', 'x.model'], /cut\.jpg/],
  'a class folder with a file that cannot be opened': async folder => {
    await symlink(join(folder, 'nowhere'), join(folder, 'sizes/1/gone.jpg'))
    return [['train', join(folder, 'sizes'), '--out', 'x.model'], /gone\.jpg: expected a file, found none/]
  },
  'a picture that a crop does not fit': folder => [
    ['predict', join(folder, 'crop.model'), join(folder, 'sizes/0/a.jpg')],
    /a\.jpg: expected a picture of at least 40×32 pixels, found 32×32/,
  ],
  'pictures that a crop does not fit': folder => [
    ['evaluate', join(folder, 'crop.model'), join(folder, 'sizes')],
    /expected a picture of at least 40×32 pixels, found 32×32/,
  ],
  'zero epochs': folder => [['train', folder, '--out', 'x.model', '--epochs', '0'], /--epochs.*at least 1, found 0/],
  'a learning rate that is no number': folder => [
    ['train', folder, '--out', 'x.model', '--learning-rate', 'NaN'],
    /--learning-rate.*found NaN/,
  ],
  'an infinite weight decay': folder => [
    ['train', folder, '--out', 'x.model', '--weight-decay', 'Infinity'],
    /found Infinity/,
  ],
  'frequencies out of range': folder => [
    ['train', folder, '--out', 'x.model', '--frequencies', '16'],
    /from 1 to 15, found 16/,
  ],
  'a mean that is no number': folder => [
    ['train', folder, '--out', 'x.model', '--mean', '0.5,x,0.5'],
    /--mean.*0\.5,x,0\.5/,
  ],
  'two means for three channels': folder => [
    ['train', folder, '--out', 'x.model', '--mean', '0.5,0.4'],
    /one or three/,
  ],
  'a deviation of zero': folder => [['train', folder, '--out', 'x.model', '--std', '0'], /--std.*above 0.*found 0/],
  'a mode that is none': folder => [
    ['train', folder, '--out', 'x.model', '--mode', 'soft'],
    /--mode.*exact, approximated, band-limited/,
  ],
  'a masking that is none': folder => [
    ['train', folder, '--out', 'x.model', '--masking', 'soft'],
    /--masking.*asm, apx/,
  ],
  'a masking of a band-limited model': folder => [
    [
      'train',
      join(folder, 'sizes'),
      '--out',
      'x.model',
      '--mode',
      'band-limited',
      '--frequencies',
      '6',
      '--masking',
      'apx',
    ],
    /masking: expected none, because the mode is band-limited, found apx/,
  ],
  'a mode without its frequencies': folder => [
    ['evaluate', join(folder, 'small.model'), join(folder, 'sizes'), '--mode', 'band-limited'],
    /frequencies: expected a whole number from 1 to 15, because the mode is band-limited, found nothing/,
  ],
  'a limit that is none': folder => [
    ['inspect', join(folder, 'sizes/0/a.jpg'), '--limits', 'speed=3'],
    /--limits.*limits among work, pixels, .*found speed=3/,
  ],
  'a limit without its number': folder => [
    ['inspect', join(folder, 'sizes/0/a.jpg'), '--limits', 'work'],
    /--limits.*work=x with a whole number of at least 1, found work\./,
  ],
  'a file beyond a limit': folder => [
    ['train', join(folder, 'sizes'), '--out', 'x.model', '--limits', 'pixels=100'],
    /expected at most 100 pixels, found \d+.*--limits allows files more, --skip-bad-files goes on without such files/,
  ],
  'momentum for adam': folder => [
    ['train', join(folder, 'sizes'), '--out', 'x.model', '--optimizer', 'adam', '--momentum', '0.9'],
    /--momentum: expected --optimizer sgd, found adam/,
  ],
  'a folder to save in that is not there': folder => [
    ['train', join(folder, 'sizes'), '--out', join(folder, 'none/x.model')],
    /x\.model: expected a file that can be written, found no folder/,
  ],
  'weights that are no safetensors file': folder => [
    ['convert', join(folder, 'sizes/0/a.jpg'), '--model', 'paper', '--out', 'x.model'],
    /a\.jpg: expected a safetensors file/,
  ],
  'a list of classes that is not there': folder => [
    [
      'convert',
      join(folder, 'small.model'),
      '--model',
      'paper',
      '--out',
      'x.model',
      '--classes',
      join(folder, 'none.txt'),
    ],
    /none\.txt: expected a readable text file/,
  ],
  'a model after the picture': folder => [
    ['predict', join(folder, 'sizes/0/a.jpg'), join(folder, 'small.model')],
    /a\.jpg: expected the model, then the file, found them the other way round \(.*small\.model is a model\)/,
  ],
  'a model after several pictures': folder => [
    ['predict', join(folder, 'sizes/0/a.jpg'), join(folder, 'sizes/0/a.jpg'), join(folder, 'small.model')],
    /a\.jpg: expected the model, then the file, found them the other way round \(.*small\.model is a model\)/,
  ],
  'a model after the data': folder => [
    ['evaluate', join(folder, 'sizes'), join(folder, 'small.model')],
    /sizes: expected the model, then the data, found them the other way round \(.*small\.model is a model\)/,
  ],
  'data without a model': folder => [
    ['evaluate', join(folder, 'sizes'), join(folder, 'none.model')],
    /sizes: expected a model that jpegnet saved, as in jpegnet evaluate <model> <data>, found a folder/,
  ],
  'a model in place of the data': folder => [
    ['train', join(folder, 'small.model')],
    /small\.model: expected data, as in jpegnet train <data> \(a model to start from is given with --from, .*\), found a model/,
  ],
  'a model in place of a picture': folder => [
    ['inspect', join(folder, 'small.model')],
    /small\.model: expected file, as in jpegnet inspect <file\.\.\.> \(jpegnet card describes a model\), found a model/,
  ],
  'a model that is no weights': folder => [
    ['convert', join(folder, 'small.model'), '--out', 'x.model'],
    /small\.model: expected weights of a network .*, found a model that jpegnet saved, which needs no conversion/,
  ],
  'a folder in place of a picture': folder => [
    ['explain', join(folder, 'small.model'), folder, '--out', 'x.html'],
    /expected a readable file, found a folder/,
  ],
  'a model that is not there': folder => [
    ['predict', join(folder, 'none.model'), 'a.jpg'],
    /none\.model: expected a file/,
  ],
  'weights without a definition': () => [
    ['predict', fixture('reference/paper_resnet.safetensors'), 'a.jpg'],
    /expected a model that jpegnet saved/,
  ],
  'a model of another version': folder => [
    ['predict', join(folder, 'future.model'), 'a.jpg'],
    /expected a model of format version 1, .* found one of format version 9/,
  ],
  'a model of another shape': folder => [['predict', join(folder, 'shape.model'), 'a.jpg'], /fc\.weight of shape/],
  'weights that are not numbers': folder => [['predict', join(folder, 'nan.model'), 'a.jpg'], /expected finite/],
}

for (const [what, make] of Object.entries(wrong)) {
  test(`${what}: exit code 1 and one line that says so`, async t => {
    const folder = await folderOf(t, {
      'bad/empty.jpg': new Uint8Array(),
      'bad/cut.jpg': jpegs[0]?.subarray(0, 400) ?? '',
      'bad/text.jpg': 'hello',
      'one/': '',
      'single/a/a.jpg': jpegs[0] as Buffer,
      'damaged/a/good.jpg': jpegs[0] as Buffer,
      'damaged/b/cut.jpg': jpegs[1]?.subarray(0, 400) ?? '',
      'sizes/0/a.jpg': jpegs[0] as Buffer,
      'sizes/1/b.jpg': jpegs[1] as Buffer,
    })
    const small = createModel(paperResnet({ height: 64, width: 64, classes: 2 }))
    await small.save(join(folder, 'small.model'))
    small.dispose()
    const { layers } = small.definition
    const input = { ...small.definition.input, transform: [crop({ left: 8, top: 0, width: 32, height: 32 })] }
    const cropping = createModel(defineModel({ name: 'crop', input, layers }))
    await cropping.save(join(folder, 'crop.model'))
    cropping.dispose()
    const { metadata, tensors } = await readSafetensors(join(folder, 'small.model'))
    const change = (
      name: string,
      edit: (values: Float32Array, shape: number[]) => { values: Float32Array; shape: number[] },
    ) =>
      tensors.map(tensor =>
        tensor.name === name ? { ...tensor, ...edit(tensor.values.slice(), tensor.shape) } : tensor,
      )
    await writeSafetensors(join(folder, 'future.model'), { tensors, metadata: { ...metadata, 'jpegnet.version': '9' } })
    await writeSafetensors(join(folder, 'shape.model'), {
      metadata,
      tensors: change('fc.weight', values => ({ values: values.subarray(0, 64), shape: [1, 64] })),
    })
    await writeSafetensors(join(folder, 'nan.model'), {
      metadata,
      tensors: change('fc.bias', (values, shape) => ({ values: values.fill(NaN), shape })),
    })
    const [args, said] = await make(folder)
    const { code, lines, stderr } = await jpegnet(args)
    t.is(code, 1, stderr)
    t.regex(stderr, said)
    t.is(stderr.trimEnd().split('\n').length, 1, stderr)
    t.deepEqual(lines, [])
  })
}

test('a command line that makes no command: exit code 2 and one line that says so', async t => {
  const lines: [string[], RegExp][] = [
    [['trian'], /unknown command 'trian' \(Did you mean train\?\)/],
    [['train', 'x', '--out', 'y.model', '--epoch', '3'], /unknown option '--epoch' \(Did you mean --epochs\?\)/],
    [['explain', 'x', 'y'], /required option '--out <page>' not specified/],
    [['predict', 'x'], /missing required argument 'file'/],
    [['train', 'x', '--lr', '1'], /unknown option '--lr' \(Did you mean --learning-rate\?\)/],
  ]
  for (const [args, said] of lines) {
    const { code, lines, stderr } = await jpegnet(args)
    t.is(code, 2, stderr)
    t.regex(stderr, said)
    t.regex(stderr, /^jpegnet: .*\n$/)
    t.deepEqual(lines, [])
  }
})

test('a wrong environment ends every command, --version too', async t => {
  for (const [env, said] of [
    [{ JPEGNET_THREADS: '0' }, /^jpegnet: JPEGNET_THREADS: expected a whole number from 1 to 1024, found 0\n$/],
    [{ JPEGNET_ISA: 'sse9' }, /^jpegnet: JPEGNET_ISA: expected one of scalar.*, found sse9\n$/],
  ] as const) {
    for (const args of [['--version'], ['inspect', fixture('jpegs/0.jpg')]]) {
      const { code, lines, stderr } = await jpegnet(args, { env })
      t.is(code, 1, args.join())
      t.regex(stderr, said)
      t.deepEqual(lines, [])
    }
  }
})

test('where an error came from is told when asked for', async t => {
  const { code, stderr } = await jpegnet(['inspect', 'none.jpg'], { env: { JPEGNET_DEBUG: '1' } })
  t.is(code, 1)
  t.regex(stderr, /^jpegnet: none\.jpg: .*\nModelError: .*\n +at /)
})
