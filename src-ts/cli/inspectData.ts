/** `jpegnet inspect DATA`: what a whole data set is like. */
import { inspectDataset, type DatasetInspection, type JpegReadOptions, type JpegSource } from '../index.js'
import { setsOf } from './source.js'
import { Progress, count, percent, printResult, warnSkipped, visible } from './terminal.js'

/** How many classes, sizes or samplings are listed for a person. */
const LISTED = 20

/** Reads a data set, without the files that cannot be used, and prints a report of it, or of each of its parts. */
export async function inspectData(data: string, json: boolean, reading: JpegReadOptions): Promise<void> {
  const sets = await setsOf(data, { ...reading, onError: reading.onError === 'use' ? 'use' : 'skip' })
  for (const source of Object.values(sets)) await inspectSource(source, json)
}

async function inspectSource(source: JpegSource, json: boolean): Promise<void> {
  const progress = new Progress()
  try {
    const report = await inspectDataset(source, {
      onProgress: ({ done, total }) => progress.show('reading files', done, total),
    })
    progress.clear()
    warnSkipped(report.skipped)
    printResult(json, report, describe(report))
  } finally {
    progress.clear()
  }
}

function describe(report: DatasetInspection): string {
  const { source, images, balance, sizes, sampling, progressive, warned, fileBytes, bytes } = report
  const width = Math.max(...balance.classes.slice(0, LISTED).map(({ name }) => visible(name).length))
  const classes = balance.classes.map(({ name, count: of, share }) => {
    return `    ${visible(name).padEnd(width)}  ${count(of).padStart(count(images).length)}  ${percent(share)}`
  })
  const kinds = sampling.map(({ sampling, count: of }) => `${sampling} (${count(of)})`)
  const extents = sizes.map(({ width, height, count: of }) => `${width}×${height} (${count(of)})`)
  const ratio = balance.ratio === 1 ? 'all alike' : `the largest is ${balance.ratio.toFixed(2)} times the smallest`
  return [
    `${visible(source)}: ${count(images)} images, ${count(fileBytes)} bytes as files, ${count(bytes)} in memory`,
    `  ${count(balance.classes.length)} ${balance.classes.length === 1 ? 'class' : 'classes'}, ${ratio}`,
    ...first(classes).map((line, index) => (index < LISTED ? line : `    ${line}`)),
    `  sizes: ${first(extents).join(', ')}`,
    `  sampling: ${first(kinds).join(', ')}`,
    ...(progressive > 0 ? [`  progressive: ${count(progressive)}`] : []),
    ...(warned > 0 ? [`  with warnings: ${count(warned)}`] : []),
  ].join('\n')
}

/** The first few of many, and how many are not among them. */
function first(lines: readonly string[]): string[] {
  const rest = lines.length - LISTED
  return rest > 0 ? [...lines.slice(0, LISTED), `and ${count(rest)} more`] : [...lines]
}
