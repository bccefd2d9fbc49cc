/** The results of an experiment as CSV and as a page. */
import { cpus } from 'node:os'
import { escaped, page, paragraph, section } from '../report/html.js'
import { runtimeInfo } from '../runtime.js'
import type { Experiment, Findings, Row, Settings, Table } from './experiment.js'

/** Digits of a number that is not whole: as many as float32 has. */
const DIGITS = 7

/** A line a row, columns in the order in which rows have them first. */
export function csvOf(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const cell = (value: string | number | undefined) => {
    const isBroken = typeof value === 'number' && !Number.isInteger(value)
    const text = String((isBroken ? Number(value.toPrecision(DIGITS)) : value) ?? '')
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  return (
    [columns, ...rows.map(row => columns.map(column => cell(row[column])))].map(line => line.join(',')).join('\n') +
    '\n'
  )
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
    ...tables.map(table => section(table.caption, tableOf(table))),
    section(
      'How it was run',
      paragraph(
        `${command}; jpegnet ${version}, ${isa}, ${threads} threads, ${cpus()[0]?.model.trim() ?? 'unknown CPU'}.`,
      ),
    ),
  ])
}

function tableOf({ head, rows }: Table): string {
  // Columns of words begin at the left, columns of numbers end at the right.
  const words = head.map((_, column) => rows.some(row => /^[a-z]/i.test(String(row[column] ?? ''))))
  const line = (cells: readonly (string | number)[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell, column) => `<${tag}${words[column] ? ' class="text"' : ''}>${escaped(String(cell))}</${tag}>`).join('')}</tr>`
  return `<div class="wide"><table class="results">${line(head, 'th')}${rows.map(row => line(row, 'td')).join('')}</table></div>`
}
