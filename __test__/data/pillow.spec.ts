/** Pixels of odd files as networks read them, beside Pillow 13.0.0's, stored as `cases/NAME.rgb`. */
import { readFile } from 'node:fs/promises'
import test from 'ava'
import { jpegCoefficients, mixup } from '../../src-ts/index.js'
import { lift, NativeJpegSet } from '../../src-ts/native/addon.js'
import { lowerView } from '../../src-ts/transforms/lower.js'
import { fixture } from '../fixtures/pictures.js'

/** Red, green and blue in 0…255, channel after channel. */
async function pixelsOf(file: string, [width, height]: readonly [number, number]): Promise<Float32Array> {
  const set = new NativeJpegSet()
  try {
    lift(await set.decodeFiles([file])).failures.forEach(({ failure }) => lift(failure))
    const input = { channels: 3, height, width, mean: [0, 0, 0], std: [1, 1, 1], colour: 'exact' as const }
    // Mixing that never happens asks for pixels of all.
    const mixing = { mix: [mixup({ probability: 0 })], random: { seed: 1, epoch: 0, start: 0 } }
    const views = lift(await set.view(lowerView(input, [], mixing)))
    return lift(await views.normalised([0, 0, 0], [1 / 255, 1 / 255, 1 / 255]))
  } finally {
    set.dispose()
  }
}

const asPillow = test.macro(async (t, name: string, size: readonly [number, number]) => {
  const found = await pixelsOf(fixture(`cases/${name}.jpg`), size)
  const expected = await readFile(fixture(`cases/${name}.rgb`))
  t.is(found.length, expected.length)
  const plane = found.length / 3
  const differences = Array.from(expected, (value, at) =>
    Math.abs(value - (found[(at % 3) * plane + Math.floor(at / 3)] as number)),
  )
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / differences.length
  t.true(mean < 0.6, `${mean} grey levels apart on average`)
  t.true(Math.max(...differences) < 3, `${Math.max(...differences)} at most`)
})

test('inks without a marker of Adobe’s are taken as Pillow takes them', asPillow, 'cmyk_noadobe', [48, 40])
test('blocks of which only DCs have come are smoothed as Pillow shows them', asPillow, 'progressive-dc-only', [64, 48])

test('coefficients that are taken out are those of the file, however it is shown', async t => {
  const { components } = await jpegCoefficients(fixture('cases/progressive-dc-only.jpg'))
  for (const { values } of components) t.true(values.every((value, at) => at % 64 === 0 || value === 0))
})
