/** Experiments that measure: what is zero, what quality does, how many files a second. */
import { join } from 'node:path'
import test from 'ava'
import sharp, { type Sharp } from 'sharp'
import { inspectJpeg, jpegCoefficients, type Row } from '../../src-ts/index.js'
import { requantised, stepsOf } from '../../src-ts/experiments/requantise.js'
import { meanOf, sumOf, valuesOf, where } from '../../src-ts/experiments/rows.js'
import { temporaryFolder } from '../fixtures/pictures.js'
import { dataFolder, run } from './running.js'

/** A picture with something in all frequencies. */
function photograph(): Sharp {
  const [width, height] = [64, 48]
  const samples = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)]
    return 128 + 60 * Math.sin(x / 3 + at) + 50 * Math.cos((x * y) / 40) * Math.sin(y / 2)
  })
  return sharp(samples, { raw: { width, height, channels: 3 } })
}

test('steps of a quality are libjpeg’s, and requantised coefficients nearly those of an encoder', async t => {
  const whole = await photograph().jpeg({ quality: 98, chromaSubsampling: '4:4:4' }).toBuffer()
  const coefficients = await jpegCoefficients(whole)
  for (const quality of [5, 30, 49, 50, 75, 90, 100]) {
    const encoded = await sharp(whole).jpeg({ quality, chromaSubsampling: '4:4:4' }).toBuffer()
    const { components } = await inspectJpeg(encoded)
    const tables = ['luminance', 'chrominance', 'chrominance'] as const
    components.forEach(({ quantisation }, index) => {
      t.deepEqual(quantisation, [...stepsOf(quality, tables[index] as 'luminance')], `${quality}, ${index}`)
    })
    // Pixels rounded to 8 bits move few coefficients over an edge, if steps are not as small as that rounding.
    if (quality > 75) continue
    const theirs = (await jpegCoefficients(encoded)).components
    const ours = requantised(coefficients, quality).components
    const [same, all] = ours.reduce(
      ([same, all], plane, index) => {
        const other = theirs[index]?.values ?? []
        return [same + plane.values.filter((value, at) => value === other[at]).length, all + plane.values.length]
      },
      [0, 0],
    )
    t.true(same / all > 0.97, `${quality}: ${same} of ${all}`)
  }
})

test('sparsity counts what files, layers and products have', async t => {
  const [data, folder] = [await dataFolder(t), await temporaryFolder(t)]
  const { rows } = await run('sparsity', { data, out: join(folder, 'out'), quick: true })
  const files = where(rows, { what: 'coefficients' })
  const [low, middle, high] = [30, 75, 95].map(quality => sumOf(where(files, { quality }), 'nonZeros'))
  t.true((low as number) < (middle as number) && (middle as number) < (high as number))
  const inputs = where(rows, { what: 'input of a layer', quality: 75 })
  t.is(inputs.length, 9)
  t.true(inputs.every(row => Number(row['nonZeros']) > 0 && Number(row['nonZeros']) <= 64))
  for (const row of inputs) {
    const bands = where(rows, { what: 'input of a layer by frequency', quality: 75, of: row['of'] as string })
    t.is(bands.length, 15)
    t.true(Math.abs(sumOf(bands, 'nonZeros') - Number(row['nonZeros'])) < 1e-9)
    t.true(Math.abs(sumOf(bands, 'energy') - 1) < 1e-9)
  }
  const [memory] = where(rows, { what: 'memory', quality: 30 })
  t.true(Number(memory?.['bytesInMemory']) < Number(memory?.['bytesOfPixels']))
  const products = where(rows, { what: 'multiplies', of: 'exact', quality: 75 })
  t.true(sumOf(products, 'multiplies') < 0.6 * sumOf(products, 'directMultiplies'))
  const scatter = where(rows, { what: 'first layer from coefficients' }).map(row => Number(row['multiplies']))
  t.true((scatter[0] as number) < (scatter.at(-1) as number))
})

test('quality trains on files of each quality and asks on coefficients and on decoded pixels', async t => {
  const [data, folder] = [await dataFolder(t), await temporaryFolder(t)]
  const { rows, report } = await run('quality', { data, out: join(folder, 'out'), quick: true })
  t.truthy(report)
  for (const quality of [50, 95]) {
    const own = where(rows, { quality })
    t.is(own.length, 2)
    t.true(Math.abs(meanOf(own, 'accuracy') - meanOf(own, 'spatialAccuracy')) <= 0.1)
    t.true(meanOf(own, 'imagesPerSecond') > 0 && meanOf(own, 'spatialImagesPerSecond') > 0)
  }
  t.true(meanOf(where(rows, { quality: 50 }), 'bytesOfFile') < meanOf(where(rows, { quality: 95 }), 'bytesOfFile'))
})

test.serial('throughput compares with what is installed and says what is not', async t => {
  const [data, folder] = [await dataFolder(t), await temporaryFolder(t)]
  const found = process.env['JPEGNET_PYTHON']
  process.env['JPEGNET_PYTHON'] = join(folder, 'no-python')
  t.teardown(() => {
    if (found === undefined) delete process.env['JPEGNET_PYTHON']
    else process.env['JPEGNET_PYTHON'] = found
  })
  const { rows } = await run('throughput', { data, out: join(folder, 'out'), quick: true })
  const rates = rows.filter(row => 'imagesPerSecond' in row)
  t.true(rates.every(row => Number(row['imagesPerSecond']) > 0))
  t.deepEqual(valuesOf(where(rates, { work: 'test' }), 'by').sort(), ['jpegnet', 'sharp + onnxruntime-node'])
  t.deepEqual(valuesOf(where(rates, { by: 'jpegnet' }), 'network'), [
    'all frequencies',
    'ASM, φ = 8',
    'ASM, φ = 6',
    'band-limited, φ = 8',
    'band-limited, φ = 6',
  ])
  t.is(where(rates, { work: 'train', by: 'jpegnet' }).length, 10)
  const notes = rows.flatMap((row: Row) => ('note' in row ? [String(row['note'])] : []))
  t.is(notes.length, 2)
  t.regex(notes[0] ?? '', /^PyTorch is not compared: .*no-python/)
})
