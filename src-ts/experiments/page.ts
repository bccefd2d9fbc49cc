/** The results of an experiment as CSV and as a page. */
import { cpus } from 'node:os'
import { csvLine } from '../csv.js'
import { escaped, page, paragraph, resultsTable, section } from '../report/html.js'
import { runtimeInfo } from '../runtime.js'
import type { Experiment, Findings, Row, Settings } from './experiment.js'

/** Digits of a number that is not whole: as many as float32 has. */
const DIGITS = 7

/** A line a row, columns in the order in which rows have them first. */
export function csvOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const cell = (value: string | number | undefined) => {
    const isBroken = typeof value === 'number' && !Number.isInteger(value)
    return isBroken ? Number(value.toPrecision(DIGITS)) : value
  }
  const lines = [columns, ...rows.map(row => columns.map(column => cell(row[column])))]
  return lines.map(line => `${csvLine(line)}\n`).join('')
}

/** A self-contained page: no script, no request. */
export function reportOf({ title, name }: Experiment, { text, figures, tables }: Findings, settings: Settings): string {
  const { isa, threads, version } = runtimeInfo()
  const charts = figures.map(
    ({ caption, svg }) => `<figure><figcaption>${escaped(caption)}</figcaption>${svg}</figure>`,
  )
  const command = [
    `jpegnet experiment ${name}`,
    ...(settings.data ? [`--data ${settings.data}`] : []),
    `--seeds ${settings.seeds} --epochs ${settings.epochs}`,
    ...(settings.quick ? ['--quick'] : []),
  ].join(' ')
  return page(title, [
    ...text.map(paragraph),
    `<div class="charts">${charts.join('\n')}</div>`,
    ...tables.map(table => section(table.caption, resultsTable(table.head, table.rows))),
    section(
      'How it was run',
      paragraph(
        `${command}; jpegnet ${version}, ${isa}, ${threads} threads, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}.`,
      ),
    ),
  ])
}
