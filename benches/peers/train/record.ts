/** What was measured of training, as CSV for later; and of those records, the table for people. */
import { csvOf, newestRecord, type Row, type Table } from '../csv.js'
import { markdown, perSecond, preamble, versions, type Circumstances } from '../record.js'
import { median } from '../turns.js'
import type { TrainResult } from './compare.js'
import { entryTitle, type Entry } from './entries.js'
import type { LargestBatch } from './memory.js'
import type { ThreadsResult } from './threads.js'

/** Names of the records. */
export const RECORDS = {
  train: 'peers-train',
  largestBatch: 'peers-train-largest-batch',
  threads: 'peers-train-threads',
} as const

/** Times, losses and memory as CSV; ours first of each workload. */
export function trainCsv(results: readonly TrainResult[], circumstances: Circumstances): string {
  const rows = results.map((result): Row => {
    const { workload, threads, steps, curve, reading, peak } = result
    const { batch } = workload
    const [ours] = results.filter(other => other.workload === workload) as [TrainResult]
    return {
      workload: workload.name,
      title: workload.title,
      pictures: workload.pictures,
      batch: String(batch),
      ...entryCells(result.entry),
      threads: String(threads),
      median_ms_per_step: median(steps).toFixed(3),
      min_ms: Math.min(...steps).toFixed(3),
      max_ms: Math.max(...steps).toFixed(3),
      images_per_second: rate(batch, median(steps)),
      times_slower_than_jpegnet: (median(steps) / median(ours.steps)).toFixed(2),
      files_read_per_second: reading.length > 0 ? rate(1, median(reading)) : '',
      peak_resident_mb: peak.megabytes.toFixed(0),
      before_steps_mb: peak.beforeMegabytes.toFixed(0),
      largest_loss_error: curve.errors.length > 0 ? Math.max(...curve.errors).toExponential(1) : '',
      loss_error_of: curve.truth,
      losses: curve.losses.map(loss => loss.toFixed(5)).join(' '),
    }
  })
  return csvOf(
    [
      ...comments(circumstances, results),
      `medians of ${circumstances.rounds} rounds that alternate between the sides; a step: forward, loss, backward, update; jpegnet from entropy-decoded files, PyTorch and tfjs-wasm from pixels in memory`,
      'losses: of the first steps, the same weights and batches on all sides, before anything was timed; largest_loss_error: relative',
    ],
    rows,
  )
}

/** Largest batches as CSV. */
export function largestBatchCsv(results: readonly LargestBatch[], circumstances: Circumstances): string {
  const rows = results.map(({ workload, entry, threads, budget, batch, peak }): Row => ({
    workload: workload.name,
    ...entryCells(entry),
    threads: String(threads),
    budget,
    largest_batch: String(batch),
    peak_resident_mb: peak?.megabytes.toFixed(0) ?? '',
    before_steps_mb: peak?.beforeMegabytes.toFixed(0) ?? '',
  }))
  return csvOf(
    [
      ...comments(
        circumstances,
        results.flatMap(({ peak }) => peak ?? []),
      ),
      'largest batch, a multiple of 8, of which three steps fit in so much peak resident memory of the whole process',
    ],
    rows,
  )
}

/** Speedups by threads as CSV. */
export function threadsCsv(results: readonly ThreadsResult[], circumstances: Circumstances): string {
  const rows = results.map(({ workload, entry, threads, steps, speedup }): Row => ({
    workload: workload.name,
    batch: String(workload.batch),
    ...entryCells(entry),
    threads: String(threads),
    median_ms_per_step: median(steps).toFixed(3),
    images_per_second: rate(workload.batch, median(steps)),
    speedup: speedup.toFixed(2),
  }))
  return csvOf([...comments(circumstances, results), `medians of ${circumstances.rounds} rounds that alternate`], rows)
}

/** A Markdown table of the newest records, with what is to be known about it. */
export async function trainTable(): Promise<string> {
  const [train, largest, threads] = await Promise.all([
    newestRecord(RECORDS.train),
    newestRecord(RECORDS.largestBatch),
    newestRecord(RECORDS.threads),
  ])
  if (!train) throw new Error(`benches/record: expected a record of ${RECORDS.train}, found none`)
  const rows = train.rows.map((row, index) => {
    const first = row['workload'] !== train.rows[index - 1]?.['workload']
    const slower = row['times_slower_than_jpegnet'] ?? ''
    return [
      first ? (row['title'] ?? '') : '',
      first ? (row['batch'] ?? '') : '',
      entryTitle(entryOf(row)) + (row['threads'] === train.rows[0]?.['threads'] ? '' : ` (${row['threads']} thread)`),
      perSecond(Number(row['batch']), Number(row['median_ms_per_step'])),
      first ? '1' : `**${slower}**`,
      row['peak_resident_mb'] ?? '',
      ...(largest ? [largest.rows.find(other => sameTraining(row, other))?.['largest_batch'] ?? ''] : []),
    ]
  })
  const head = ['network', 'batch', '', 'images/s', 'time, jpegnet = 1', 'peak memory, MB']
  const align = ['---', '--:', '---', '--:', '--:', '--:']
  if (largest) {
    head.push(`largest batch in ${largest.rows[0]?.['budget']}`)
    align.push('--:')
  }
  return [...markdown([head, align, ...rows]), '', ...notes(train, threads)].join('\n')
}

function notes({ comments: [made = '', used = '', how = ''], rows }: Table, threads: Table | undefined): string[] {
  const [first] = rows
  const truth = first?.['loss_error_of'] === 'nothing' ? "jpegnet's" : 'those of PyTorch in float64'
  const perWorkload = rows.filter(row => row['files_read_per_second'])
  const read = perWorkload.map(row => `${Number(row['files_read_per_second']).toLocaleString('en')} (${row['title']})`)
  const faster = threads?.rows.filter(row => row['threads'] !== threads.rows[0]?.['threads']) ?? []
  const speedups = faster.map(row => `${row['speedup']} times (${titleOf(row, rows)}, ${row['threads']} threads)`)
  return [
    `${made.replace(/^[^;]*; /, '')}; ${how.split(';')[0]}; ${used}. Images: ${[...new Set(rows.map(row => row['pictures']))].join('; ')}.`,
    `A step is forward, loss, backward and update; jpegnet's starts from entropy-decoded files in memory, the others' from float32`,
    `pixels in memory. Losses of the first ${first?.['losses']?.split(' ').length} steps agree with ${truth} (largest relative errors in the record).`,
    `Reading and decoding the files before a training, files a second: ${read.join(', ')}.`,
    ...(speedups.length > 0 ? [`Against one thread, a step of jpegnet's is faster: ${speedups.join(', ')}.`] : []),
  ]
}

function titleOf(row: Row, rows: readonly Row[]): string {
  return rows.find(other => other['workload'] === row['workload'])?.['title'] ?? row['workload'] ?? ''
}

function comments(circumstances: Circumstances, results: readonly { versions: Record<string, string> }[]): string[] {
  return preamble(circumstances, versions(results)).map(line => line.replace(/^# /, ''))
}

function entryCells({ program, mode, precision }: Entry): Row {
  return { program, mode, precision }
}

function entryOf(row: Row): Entry {
  return { program: row['program'], mode: row['mode'], precision: row['precision'] } as Entry
}

function sameTraining(one: Row, other: Row): boolean {
  return ['workload', 'program', 'mode', 'precision'].every(name => one[name] === other[name])
}

function rate(batch: number, milliseconds: number): string {
  return perSecond(batch, milliseconds).replaceAll(',', '')
}
