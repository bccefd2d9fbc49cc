/** What the experiment `sparsity` found, drawn. */
import { linesChart, type Curve } from '../report/charts.js'
import type { Findings, Row } from './experiment.js'
import { INPUT_LAYER } from '../model/featureMaps.js'
import { meanOf, sumOf, valuesOf, where } from './rows.js'

/** The quality whose layers and frequencies are drawn: that of many photographs. */
const TYPICAL = 75

/** Curves, tables and sentences. */
export function sparsityFindings(rows: readonly Row[]): Findings {
  const qualities = valuesOf<number>(rows, 'quality')
  const files = where(rows, { what: 'coefficients' })
  const memory = where(rows, { what: 'memory' })
  const inputs = where(rows, { what: 'input of a layer' })
  const products = where(rows, { what: 'multiplies' })
  const components = valuesOf<string>(files, 'of')
  const nonZeros = (quality: number, of: string) => sumOf(where(files, { quality, of }), 'nonZeros')
  const layers = valuesOf<string>(inputs, 'of')
  const modes = valuesOf<string>(products, 'of')
  const ofLayer = (layer: string) => meanOf(where(inputs, { quality: TYPICAL, of: layer }), 'nonZeros')
  const ofMaps = layers.filter(of => where(inputs, { of }).some(({ from }) => from !== INPUT_LAYER))
  const fewest = Math.min(...ofMaps.map(ofLayer))
  const scatter = (quality: number) => {
    const own = where(rows, { what: 'first layer from coefficients', quality })
    return sumOf(own, 'multiplies') / sumOf(own, 'directMultiplies')
  }
  const paysUpTo = qualities.filter(quality => scatter(quality) < 0.995).at(-1)
  const done = (of: string, quality: number) => {
    const own = where(products, { of, quality })
    return sumOf(own, 'multiplies') / sumOf(own, 'directMultiplies')
  }
  const kilobytes = (column: string) => ({
    points: qualities.map(x => ({ x, y: meanOf(where(memory, { quality: x }), column) / 1000 })),
  })
  return {
    text: [
      'The test files, requantised to each quality from their coefficients, in three places: the coefficients of the files themselves, what every convolution of a trained network is given, and the multiply-adds of a prediction.',
      `Files are sparse: at quality ${TYPICAL} a block of ${components.join(', ')} has ${components.map(of => nonZeros(TYPICAL, of).toFixed(1)).join(', ')} non-zero coefficients of 64. What comes after the first ReLU is not: convolutions there are given at least ${fewest.toFixed(1)} of 64, because ReLU makes every frequency of a block that has both signs. A 3×3 product that skips zeros spreads each non-zero over 10×10 pixels, 100 multiplies for a pair of channels where the direct convolution has 576 a block, so it pays below 5.76 non-zeros a block: never between layers. A first layer straight from the coefficients would do ${scatter(TYPICAL).toFixed(2)} times the direct convolution's multiplies at quality ${TYPICAL}, ${scatter(Math.min(...qualities)).toFixed(2)} times at ${Math.min(...qualities)}, counted to about a tenth; ${paysUpTo === undefined ? 'it saves none at any of these qualities' : `it saves some up to quality ${paysUpTo}`}.`,
      'What is saved beyond it comes from algebra, not from zeros: Winograd products on exact maps, and the diagonalised convolution on maps that keep few frequencies. Multiplies of transforms are not counted.',
    ],
    figures: [
      {
        name: 'non-zeros',
        caption: 'Non-zero coefficients of a block against quality',
        svg: linesChart(
          'non-zero coefficients of a block against quality',
          { x: 'quality', y: 'non-zeros of 64' },
          components.map(name => ({ name, points: qualities.map(x => ({ x, y: nonZeros(x, name) })) })),
        ),
      },
      {
        name: 'memory',
        caption: 'Bytes of an image against quality, thousands',
        svg: linesChart('bytes of an image against quality', { x: 'quality', y: 'kB an image' }, [
          { name: 'in memory', ...kilobytes('bytesInMemory') },
          { name: 'file', ...kilobytes('bytesOfFile') },
          { name: '8-bit pixels', ...kilobytes('bytesOfPixels') },
        ]),
      },
      {
        name: 'frequencies',
        caption: `Non-zeros of a block by frequency α + β, quality ${TYPICAL}`,
        svg: linesChart(
          'non-zeros of a block by frequency',
          { x: 'α + β', y: 'non-zeros' },
          components.map(name => byFrequency(name, files)),
        ),
      },
      {
        name: 'layers',
        caption: `Non-zeros of a block by frequency α + β in what 3×3 convolutions are given, quality ${TYPICAL}`,
        svg: linesChart(
          'non-zeros of a block by frequency in what convolutions are given',
          { x: 'α + β', y: 'non-zeros' },
          layers
            .filter(layer => !layer.includes('downsample'))
            .map(name => byFrequency(name, where(rows, { what: 'input of a layer by frequency' }))),
        ),
      },
    ],
    tables: [
      {
        caption: 'Files, by quality',
        head: [
          'quality',
          ...components.map(of => `non-zeros, ${of}`),
          'bytes in memory',
          'bytes of file',
          'of pixels',
          'first layer from coefficients against direct',
        ],
        rows: qualities.map(quality => [
          quality,
          ...components.map(of => nonZeros(quality, of).toFixed(2)),
          ...['bytesInMemory', 'bytesOfFile', 'bytesOfPixels'].map(column =>
            meanOf(where(memory, { quality }), column).toFixed(0),
          ),
          scatter(quality).toFixed(2),
        ]),
      },
      {
        caption: `What convolutions are given, quality ${TYPICAL}`,
        head: ['layer', 'non-zeros of 64', 'sparse product against direct', 'energy below α + β = 4', '… = 8'],
        rows: layers.map(of => {
          const [row] = where(inputs, { quality: TYPICAL, of })
          const bands = where(rows, { what: 'input of a layer by frequency', quality: TYPICAL, of })
          const below = (limit: number) =>
            bands.reduce((sum, band) => sum + (Number(band['frequency']) < limit ? Number(band['energy']) : 0), 0)
          return [
            of,
            Number(row?.['nonZeros']).toFixed(1),
            Number(row?.['sparseMultiplies']).toFixed(2),
            `${(100 * below(4)).toFixed(1)} %`,
            `${(100 * below(8)).toFixed(1)} %`,
          ]
        }),
      },
      {
        caption: `Multiplies of a prediction against the direct convolution of pixels, quality ${TYPICAL}`,
        head: ['layer', ...modes],
        rows: [
          ...valuesOf<string>(products, 'layer').map(layer => [
            layer,
            ...modes.map(of => {
              const [row] = where(products, { quality: TYPICAL, of, layer })
              return row ? (Number(row['multiplies']) / Number(row['directMultiplies'])).toFixed(3) : ''
            }),
          ]),
          ['all', ...modes.map(of => done(of, TYPICAL).toFixed(3))],
        ],
      },
    ],
  }
}

/** Non-zeros of a block against α + β, of a component or a layer at the typical quality. */
function byFrequency(name: string, rows: readonly Row[]): Curve {
  const points = where(rows, { quality: TYPICAL, of: name }).map(row => ({
    x: Number(row['frequency']),
    y: Number(row['nonZeros']),
  }))
  return { name, points }
}
