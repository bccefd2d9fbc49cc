/** Compares training from JPEG files with training on pixels; see `--help`. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { bytesOf } from '../../../dist/data/memory.js'
import { circumstancesOf, dataOption, pythonOption, say, whole, wholes } from '../command.js'
import { writeTable, writeRecord } from '../record.js'
import { median } from '../turns.js'
import { compareTraining, type TrainResult } from './compare.js'
import { judged } from './curves.js'
import { entryTitle, PROGRAMS, type Entry, type Program } from './entries.js'
import { largestBatch, type LargestBatch } from './memory.js'
import { prepareTraining } from './prepare.js'
import { canRun, pythonWithTorch } from './process.js'
import { largestBatchCsv, RECORDS, threadsCsv, trainCsv, trainTable } from './record.js'
import { compareThreads, type ThreadsResult } from './threads.js'
import { TRAIN_WORKLOADS } from './workloads.js'

interface Options {
  workload?: string[]
  program?: Program[]
  rounds: number
  threads: number[]
  largestBatch?: string
  steps: boolean
  data: string
  python: string
  record: boolean
  docs: boolean
}

const names = TRAIN_WORKLOADS.map(({ name }) => name)
const command = new Command('bench:train')
  .description(
    'Steps of training: jpegnet from JPEG files, PyTorch and tfjs-wasm from pixels, the same weights and batches',
  )
  .addOption(new Option('--workload <names...>', 'networks to train; all unless given').choices(names))
  .addOption(new Option('--program <names...>', 'programs to compare jpegnet with; all unless given').choices(PROGRAMS))
  .option('--rounds <n>', 'rounds, of which the median is told', whole, 7)
  .option('--threads <numbers>', 'threads a side; of several (1,2) the last, and jpegnet is timed on each', wholes, [2])
  .option('--largest-batch <memory>', 'also find the largest batch that fits in so much memory, such as 2GB', memory)
  .option('--no-steps', 'do not time steps')
  .addOption(dataOption())
  .addOption(pythonOption())
  .option('--record', 'write the figures to benches/record/', false)
  .option('--docs', 'write the table of the newest records into docs/performance.md', false)
const options = command.parse().opts<Options>()

const { rounds } = options
const threads = options.threads.at(-1) as number
const circumstances = circumstancesOf('bench:train', rounds, threads)
const python = await pythonWithTorch(options.python)
if (!python) {
  say(`${options.python}: expected a Python with torch, numpy and safetensors, found none; PyTorch is left out, and so`)
  say('are approximated and band-limited networks, whose losses nothing else here can judge')
} else if (!python.compiles) say(`${options.python}: torch.compile finds no compiler and is left out`)

const results: TrainResult[] = []
const byThreads: ThreadsResult[] = []
const largest: LargestBatch[] = []
for (const workload of TRAIN_WORKLOADS) {
  if (options.workload && !options.workload.includes(workload.name)) continue
  const prepared = await prepareTraining(workload, resolve(options.data))
  const entries = workload.entries.filter(({ program }) => {
    return program === 'jpegnet' || !options.program || options.program.includes(program)
  })
  const [ours] = entries as [Entry]
  if (options.steps) {
    for (const result of await compareTraining(prepared, { rounds, threads, entries, python })) {
      results.push(result)
      const { errors } = result.curve
      const parts = [
        `${median(result.steps).toFixed(1)} ms a step`,
        `${result.peak.megabytes.toFixed(0)} MB, ${result.peak.beforeMegabytes.toFixed(0)} before`,
        ...(errors.length > 0 ? [`losses ${Math.max(...errors).toExponential(1)} off`] : []),
        ...(result.reading.length > 0 ? [`${(1000 / median(result.reading)).toFixed(0)} files read a second`] : []),
      ]
      say(`${prepared.title}, batch ${prepared.batch}, ${entryTitle(result.entry)}: ${parts.join(', ')}`)
    }
  }
  if (options.threads.length > 1) {
    for (const result of await compareThreads(prepared, ours, options.threads, rounds)) {
      byThreads.push(result)
      const time = `${median(result.steps).toFixed(1)} ms a step, ${result.speedup.toFixed(2)} times as fast`
      say(`${prepared.title}, ${result.threads} threads: ${time}`)
    }
  }
  if (options.largestBatch !== undefined && workload.limited) {
    for (const entry of judged(entries, python)) {
      if (!canRun(entry, python) || entry.program === 'tfjs-wasm' || entry.program === 'pytorch-compiled') continue
      const result = await largestBatch(prepared, entry, options.largestBatch, { threads, python })
      largest.push(result)
      say(`${prepared.title}, ${entryTitle(entry)}: batch ${result.batch} in ${result.budget}`)
    }
  }
}

const texts = [
  { name: RECORDS.train, text: trainCsv(results, circumstances), rows: results.length },
  { name: RECORDS.threads, text: threadsCsv(byThreads, circumstances), rows: byThreads.length },
  { name: RECORDS.largestBatch, text: largestBatchCsv(largest, circumstances), rows: largest.length },
]
for (const { name, text, rows } of texts) {
  if (rows === 0) continue
  process.stdout.write(text)
  if (options.record) say(await writeRecord(name, circumstances.date, text))
}
if (options.docs) await writeTable('bench:peers-train', await trainTable())

function memory(text: string): string {
  if (bytesOf(text) === undefined) throw new InvalidArgumentError('It must be an amount of memory, such as 2GB.')
  return text.trim()
}
