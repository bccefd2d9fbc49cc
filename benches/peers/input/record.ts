/** What was measured, as a table for people and as CSV for later. */
import { csvOf } from '../csv.js'
import { machine, markdown, perSecond, preamble, versions, type Circumstances } from '../record.js'
import { median } from '../turns.js'
import type { Difference } from './answers.js'
import type { SideName } from './side.js'
import type { Task } from './tasks.js'

/** One side's times of a task. */
export interface InputResult {
  task: Task
  /** What the pictures are. */
  what: string
  side: SideName
  versions: Record<string, string>
  /** Milliseconds a batch, a value a round. */
  times: number[]
  /** Between both sides, where both make pixels. */
  difference: Difference | undefined
}

/** A Markdown table, a row a task. */
export function inputTable(results: readonly InputResult[], circumstances: Circumstances): string {
  const { threads, rounds, isa, date } = circumstances
  const rows = pairs(results).map(([ours, theirs]) => {
    const { task, difference } = ours
    const [own, other] = [median(ours.times), median(theirs.times)]
    return [
      task.title,
      perSecond(task.batch, own),
      perSecond(task.batch, other),
      `**${(other / own).toFixed(2)}**`,
      difference ? difference.mean.toFixed(2) : '',
    ]
  })
  const head = [
    'files, and what is made of them',
    'jpegnet, images/s',
    'sharp, images/s',
    'faster',
    'grey levels apart',
  ]
  const what = [...new Set(results.map(({ what }) => what))].join('; ')
  return [
    ...markdown([head, ['---', '--:', '--:', '--:', '--:'], ...rows]),
    '',
    `JPEG bytes in memory → input of a network; ${machine()}, ${isa}, ${threads} threads a side, medians of ${rounds} rounds that`,
    `alternate; ${date}; ${versions(results)}. Images: ${what}. Rows "read": to sparse coefficients in jpegnet,`,
    'to 8-bit pixels in sharp. Other rows: to normalised float32 pixels; sharp uses its linear kernel and its default shrink-on-load,',
    'and its samples are normalised with a table in JavaScript. Last column: mean difference of the pixels for a fixed transform of',
    'the same kind that does not enlarge, because libvips shifts by half a pixel when it enlarges.',
  ].join('\n')
}

/** All figures as CSV. */
export function inputCsv(results: readonly InputResult[], circumstances: Circumstances): string {
  const comments = [...preamble(circumstances, versions(results)).map(line => line.replace(/^# /, ''))]
  const rows = pairs(results).flatMap(([ours, theirs]) =>
    [ours, theirs].map(({ task, what, side, times, difference }) => ({
      task: task.name,
      pictures: what,
      batch: String(task.batch),
      side,
      median_ms_per_batch: median(times).toFixed(3),
      min_ms: Math.min(...times).toFixed(3),
      max_ms: Math.max(...times).toFixed(3),
      images_per_second: perSecond(task.batch, median(times)).replaceAll(',', ''),
      times_slower_than_jpegnet: (median(times) / median(ours.times)).toFixed(2),
      mean_grey_levels_apart: difference?.mean.toFixed(3) ?? '',
      largest_grey_levels_apart: difference?.largest.toFixed(1) ?? '',
    })),
  )
  return csvOf([...comments, `medians of ${circumstances.rounds} rounds that alternate between the sides`], rows)
}

function pairs(results: readonly InputResult[]): [InputResult, InputResult][] {
  const ours = results.filter(({ side }) => side === 'jpegnet')
  return ours.map(own => [own, results.find(({ task, side }) => task === own.task && side === 'sharp') as InputResult])
}
