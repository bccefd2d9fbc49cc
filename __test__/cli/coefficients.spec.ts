/** `jpegnet coefficients`: files to tensors and back, cropped and turned on the way. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test from 'ava'
import { jpegCoefficients, readCoefficients, transformJpeg } from '../../src-ts/index.js'
import { fixture, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

const photo = fixture('variants/440.jpg')

test('coefficients go into tensors and come back as a file of the same', async t => {
  const folder = await temporaryFolder(t)
  const [tensors, file] = [join(folder, 'a.safetensors'), join(folder, 'a.jpg')]
  const written = await jpegnet(['coefficients', photo, '--out', tensors, '--json'])
  t.like(written.json[0], { out: tensors, width: 32, height: 32, components: 3 }, written.stderr)
  t.deepEqual(await readCoefficients(tensors), await jpegCoefficients(photo))
  const back = await jpegnet(['coefficients', tensors, '--out', file])
  t.regex(back.lines[0] ?? back.stderr, /^32×32 pixels, [\d,]+ coefficients of 3 components written to .*a\.jpg/)
  t.deepEqual(await jpegCoefficients(file), await jpegCoefficients(photo))
})

test('a part can be cropped and turned without a decode', async t => {
  const file = join(await temporaryFolder(t), 'part.jpg')
  const args = ['coefficients', photo, '--crop', '16x16+8+16', '--turn', 'rotate-90', '--out', file]
  const { code, stderr } = await jpegnet(args)
  t.is(code, 0, stderr)
  const crop = { left: 8, top: 16, width: 16, height: 16 }
  t.deepEqual(
    await jpegCoefficients(file),
    await transformJpeg(await jpegCoefficients(photo), { crop, turn: 'rotate-90' }),
  )
})

test('what cannot be done ends in one sentence', async t => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'a.jpg')
  const cases: [string[], RegExp][] = [
    [['--crop', '16x16+3+0', '--out', file], /a left edge of a multiple of 8 pixels .*, found 3/],
    [['--crop', '16', '--out', file], /Expected a box such as 320x240\+16\+32, found 16/],
    [['--out', join(folder, 'a.png')], /--out: expected a name ending in \.safetensors or \.jpg, found .*a\.png/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await jpegnet(['coefficients', photo, ...args])
    t.is(code, 1)
    t.regex(stderr, message)
  }
})

test('of a damaged file what can be read is used if wished, and told', async t => {
  const folder = await temporaryFolder(t)
  const [cut, out] = [join(folder, 'cut.jpg'), join(folder, 'out.jpg')]
  await writeFile(cut, jpegs[0]?.subarray(0, 700) as Buffer)
  const refused = await jpegnet(['coefficients', cut, '--out', out])
  t.is(refused.code, 1)
  t.regex(refused.stderr, /cut\.jpg: expected a whole JPEG file/)
  const used = await jpegnet(['coefficients', cut, '--out', out, '--use-damaged-files'])
  t.is(used.code, 0)
  t.regex(used.stderr, /1 file was used in spite of damage:\n .*cut\.jpg: Premature end of JPEG file/)
  t.deepEqual(await jpegCoefficients(out), await jpegCoefficients(cut, { onError: 'use' }))
})
