/** Compares JPEG bytes → what a network reads with sharp; see `--help`. */

import { join, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { circumstancesOf, dataOption, say, whole } from '../command.js'
import { Conversation, nodeLink } from '../conversation.js'
import { pictures } from '../pictures.js'
import { writeTable, writeRecord } from '../record.js'
import { alternate, median } from '../turns.js'
import { differenceOf, type Difference } from './answers.js'
import { inputCsv, inputTable, type InputResult } from './record.js'
import { SIDES, type Answers, type Order, type SideName } from './side.js'
import { TASKS } from './tasks.js'

interface Options {
  task?: string[]
  rounds: number
  threads: number
  data: string
  record: boolean
  docs: boolean
}

const names = TASKS.map(({ name }) => name)
const program = new Command('bench:input')
  .description('JPEG bytes → coefficients, or → normalised pixels of a network’s size: jpegnet beside sharp')
  .addOption(new Option('--task <names...>', 'what to make of them; all unless given').choices(names))
  .option('--rounds <n>', 'rounds, of which the median is told', whole, 7)
  .option('--threads <n>', 'threads a side', whole, 2)
  .addOption(dataOption())
  .option('--record', 'write the figures to benches/record/', false)
  .option('--docs', 'write the table into docs/performance.md', false)
const options = program.parse().opts<Options>()

const { rounds, threads } = options
const circumstances = circumstancesOf('bench:input', rounds, threads)
const results: InputResult[] = []
for (const task of TASKS) {
  if (options.task && !options.task.includes(task.name)) continue
  const { files, what } = await pictures(task.pictures, join(resolve(options.data), 'data'))
  const link = () => nodeLink(new URL('./side.js', import.meta.url), threads)
  const sides = SIDES.map(name => ({ name, process: new Conversation<Order, Answers>(name, link()) }))
  try {
    const versions: Partial<Record<SideName, Record<string, string>>> = {}
    for (const { name, process } of sides) {
      const order = { type: 'open', side: name, task: task.name, files: files.slice(0, task.batch), threads } as const
      versions[name] = (await process.tell(order)).versions
    }
    let difference: Difference | undefined
    if (task.transforms) {
      const [ours, theirs] = await Promise.all(sides.map(({ process }) => process.tell({ type: 'answer' })))
      difference = differenceOf(task, ours as Float32Array, theirs as Float32Array)
    }
    const times = await alternate(
      sides.map(({ process }) => async (batches: number) => {
        return (await process.tell({ type: 'time', batches })).milliseconds
      }),
      rounds,
    )
    for (const [at, { name }] of sides.entries()) {
      const result = { task, what, side: name, versions: versions[name] ?? {}, times: times[at] ?? [], difference }
      results.push(result)
      const apart = difference ? `, ${difference.mean.toFixed(2)} grey levels apart` : ''
      say(`${task.title}, ${name}: ${(median(result.times) / task.batch).toFixed(4)} ms a picture${apart}`)
    }
  } finally {
    await Promise.all(sides.map(({ process }) => process.end()))
  }
}
process.stdout.write(`${inputTable(results, circumstances)}\n`)
if (options.record) say(await writeRecord('input', circumstances.date, inputCsv(results, circumstances)))
if (options.docs) await writeTable('bench:input', inputTable(results, circumstances))
