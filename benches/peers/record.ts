/** What was measured, as a table for people and as CSV for later. */
import { readFile, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import type { Result } from './compare.js'
import type { ConvolutionResult } from './convolutions.js'
import { root } from './folders.js'
import type { SideName } from './sides/names.js'
import { MEASURES } from './sides/side.js'
import { median } from './turns.js'

/** Where and how figures were made. */
export interface Circumstances {
  threads: number
  rounds: number
  isa: string
  /** As it was typed. */
  command: string
  date: string
  /** Processes that were running or waiting on average in the minute before; near 0 on a machine that does nothing else. */
  load: number
}

/** The results of one workload and batch, ours first. */
export type Comparison = readonly Result[]

/** A Markdown table: JPEG bytes → logits, and what share of it is which. */
export function table(comparisons: readonly Comparison[], circumstances: Circumstances): string {
  const rows = comparisons.flatMap(([ours, ...peers]) => {
    if (!ours) return []
    return [ours, ...peers].map(result => {
      const { workload, batch, side, times, peakMegabytes, threads } = result
      const whole = median(times.whole)
      const ratio = result === ours ? '1' : `**${(whole / median(ours.times.whole)).toFixed(2)}**`
      const fewer = threads === circumstances.threads ? '' : ` (${threads} thread)`
      return [
        result === ours ? workload.title : '',
        result === ours ? String(batch) : '',
        contender(side) + fewer,
        perSecond(batch, whole),
        perSecond(batch, median(times.decode)),
        perSecond(batch, median(times.network)),
        ratio,
        peakMegabytes.toFixed(0),
      ]
    })
  })
  const head = [
    'network',
    'batch',
    '',
    'images/s',
    'decoding alone',
    'network alone',
    'time, jpegnet = 1',
    'peak memory, MB',
  ]
  const align = ['---', '--:', '---', '--:', '--:', '--:', '--:', '--:']
  return [...markdown([head, align, ...rows]), '', notes(comparisons, circumstances)].join('\n')
}

/** Rows of a Markdown table; the second says how columns are aligned. */
export function markdown(rows: readonly (readonly string[])[]): string[] {
  return rows.map(cells => `| ${cells.join(' | ')} |`)
}

function notes(comparisons: readonly Comparison[], { threads, rounds, isa, date }: Circumstances): string {
  const pictures = [...new Set(comparisons.flatMap(([ours]) => (ours ? [ours.workload.pictures] : [])))]
  const drawn = comparisons.some(([ours]) => ours?.workload.weights === 'drawn')
  return [
    `JPEG bytes in memory → logits; ${machine()}, ${isa}, ${threads} threads a side, medians of ${rounds} rounds that alternate`,
    `between the sides; ${date}; ${versions(comparisons.flat())}. Images: ${pictures.join('; ')}.`,
    drawn ? 'Networks without trained weights have random weights and the batch statistics of real images.' : '',
    'Batches run one after the other; decoding and the network each use all threads. Decoding ends with sparse coefficients for jpegnet,',
    'and with normalised pixels for the others.',
  ]
    .filter(line => line !== '')
    .join('\n')
}

function contender(side: SideName): string {
  const [, frequencies] = /^jpegnet-band-(\d+)$/.exec(side) ?? []
  if (frequencies !== undefined) return `jpegnet, band-limited, φ = ${frequencies}`
  return side === 'jpegnet' ? 'jpegnet' : `sharp + ${side}`
}

/** Writes a table between its marks in docs/performance.md. */
export async function writeTable(
  mark: 'bench:peers' | 'bench:peers-train' | 'bench:input',
  text: string,
): Promise<void> {
  const path = join(root, 'docs/performance.md')
  const page = await readFile(path, 'utf8')
  const [opening, closing] = [`<!-- ${mark} -->`, `<!-- /${mark} -->`]
  const [start, end] = [page.indexOf(opening), page.indexOf(closing)]
  if (start < 0 || end < start)
    throw new Error(`docs/performance.md: expected a line ${opening} and below it ${closing}, found neither or one`)
  await writeFile(path, `${page.slice(0, start + opening.length)}\n\n${text}\n\n${page.slice(end)}`)
}

/** All figures as CSV. */
export function csv(comparisons: readonly Comparison[], circumstances: Circumstances): string {
  const head = [
    'workload',
    'pictures',
    'weights',
    'batch',
    'side',
    'threads',
    'measure',
    'median_ms_per_batch',
    'min_ms',
    'max_ms',
    'images_per_second',
    'times_slower_than_jpegnet',
    'peak_resident_mb',
    'logit_error_same_files',
    'logit_error_same_pixels',
  ]
  const rows = comparisons.flatMap(comparison =>
    comparison.flatMap(({ workload, batch, side, threads, times, peakMegabytes, agreement }) =>
      MEASURES.map(measure => {
        const [ours, own] = [comparison[0]?.times[measure] ?? [], times[measure]]
        return [
          workload.name,
          `"${workload.pictures}"`,
          workload.weights,
          batch,
          side,
          threads,
          measure,
          median(own).toFixed(3),
          Math.min(...own).toFixed(3),
          Math.max(...own).toFixed(3),
          perSecond(batch, median(own)).replaceAll(',', ''),
          (median(own) / median(ours)).toFixed(2),
          measure === 'whole' ? peakMegabytes.toFixed(0) : '',
          measure === 'whole' ? (agreement?.files.toExponential(1) ?? '') : '',
          measure === 'whole' ? (agreement?.pixels?.toExponential(1) ?? '') : '',
        ]
      }),
    ),
  )
  const { rounds } = circumstances
  return [
    ...preamble(circumstances, versions(comparisons.flat())),
    `# medians of ${rounds} rounds that alternate between the sides; whole: JPEG bytes -> logits; errors: largest, as shares of the logits' spread`,
    head.join(','),
    ...rows.map(row => row.join(',')),
    '',
  ].join('\n')
}

/** Single convolutions as CSV. */
export function convolutionsCsv(results: readonly ConvolutionResult[], circumstances: Circumstances): string {
  const rows = results.map(({ channels, side, batch, contender, threads, milliseconds, gigaflops, slower }) =>
    [channels, side, batch, contender, threads, milliseconds.toFixed(4), gigaflops.toFixed(0), slower.toFixed(2)].join(
      ',',
    ),
  )
  return [
    ...preamble(circumstances, versions(results)),
    '# one 3x3 convolution at stride 1 with its ReLU, C -> C: the time between a chain of nine and of one, by eight',
    '# gflops: of the direct algorithm, a multiply-add counted as two',
    'channels,side,batch,contender,threads,median_ms,gflops,times_slower_than_jpegnet',
    ...rows,
    '',
  ].join('\n')
}

/** First lines of a record: how, when, where and with what it was made. */
export function preamble({ isa, command, date, threads }: Circumstances, used: string): string[] {
  return [
    `# ${command}; ${date}; ${machine()}, ${isa}; ${threads} threads a side`,
    `# ${used}, Node ${process.versions.node}`,
  ]
}

/** Where a day's record lies. */
export async function writeRecord(name: string, date: string, text: string): Promise<string> {
  const path = `benches/record/${date.slice(0, 10)}-${name}.csv`
  await writeFile(join(root, path), text)
  return path
}

export function machine(): string {
  return `${cpus()[0]?.model.trim() ?? 'an unknown CPU'}, ${availableParallelism()} cores`
}

/** Of all that was used. */
export function versions(results: readonly { versions: Record<string, string> }[]): string {
  const all = new Map(results.flatMap(({ versions }) => Object.entries(versions)))
  return [...all].map(([name, version]) => `${name} ${version}`).join(', ')
}

/** Pictures a second, as people write it. */
export function perSecond(batch: number, milliseconds: number): string {
  const rate = (batch * 1000) / milliseconds
  return rate >= 100 ? Math.round(rate).toLocaleString('en') : rate.toFixed(1)
}
