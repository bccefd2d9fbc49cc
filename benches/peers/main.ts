/** Compares JPEG bytes → logits with what a Node user would otherwise install; see `--help`. */
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { checkExport } from './answers.js'
import { circumstancesOf, dataOption, say, whole } from './command.js'
import { compare } from './compare.js'
import { convolutions, prepareConvolutions } from './convolutions.js'
import { prepare } from './prepare.js'
import { convolutionsCsv, csv, table, writeTable, writeRecord, type Comparison } from './record.js'
import { SIDES, type SideName } from './sides/names.js'
import { median } from './turns.js'
import { WORKLOADS } from './workloads.js'

interface Options {
  workload?: string[]
  side?: SideName[]
  rounds: number
  threads: number
  data: string
  convolutions: boolean
  prepare: boolean
  record: boolean
  docs: boolean
}

const names = WORKLOADS.map(({ name }) => name)
const program = new Command('bench:peers')
  .description(
    'JPEG bytes → logits: jpegnet, sharp + onnxruntime-node, onnxruntime-web and tfjs-wasm, the same network and weights',
  )
  .addOption(
    new Option('--workload <names...>', 'networks to compare; all unless given, or none with --convolutions').choices(
      names,
    ),
  )
  .addOption(new Option('--side <names...>', 'sides to compare jpegnet with; all unless given').choices(SIDES))
  .option('--rounds <n>', 'rounds, of which the median is told', whole, 7)
  .option('--threads <n>', 'threads a side', whole, 2)
  .addOption(dataOption())
  .option('--prepare', 'only make models and pictures, for pytorch.py', false)
  .option('--convolutions', 'compare single convolutions', false)
  .option('--record', 'write the figures to benches/record/', false)
  .option('--docs', 'write the table into docs/performance.md', false)
const options = program.parse().opts<Options>()

const { rounds, threads } = options
const circumstances = circumstancesOf('bench:peers', rounds, threads)
const { date } = circumstances

say(
  `the exported graph gives the reference's logits; largest error ${(await checkExport()).toExponential(1)} of their spread`,
)
const comparisons: Comparison[] = []
for (const workload of WORKLOADS) {
  if (options.workload ? !options.workload.includes(workload.name) : options.convolutions) continue
  const prepared = await prepare(workload, resolve(options.data))
  if (options.prepare) continue
  const sides = workload.sides.filter(side => side === 'jpegnet' || !options.side || options.side.includes(side))
  for (const batch of workload.batches) {
    const comparison = await compare(prepared, batch, { rounds, threads, sides })
    comparisons.push(comparison)
    for (const { side, times, agreement, peakMegabytes } of comparison) {
      const parts = [
        `whole ${median(times.whole).toFixed(2)} ms`,
        `decode ${median(times.decode).toFixed(2)} ms`,
        `network ${median(times.network).toFixed(2)} ms`,
        `${peakMegabytes.toFixed(0)} MB`,
        ...(agreement
          ? [
              `errors ${agreement.files.toExponential(1)}, ${agreement.pixels?.toExponential(1) ?? 'none'} on the same pixels`,
            ]
          : []),
      ]
      say(`${prepared.title}, batch ${batch}, ${side}: ${parts.join(', ')}`)
    }
  }
}
if (comparisons.length > 0) {
  const text = table(comparisons, circumstances)
  process.stdout.write(`${text}\n`)
  if (options.record) say(await writeRecord('peers', date, csv(comparisons, circumstances)))
  if (options.docs) await writeTable('bench:peers', text)
}

if (options.prepare) await prepareConvolutions()
else if (options.convolutions) {
  const results = await convolutions(rounds, threads, ({ channels, side, batch, contender, gigaflops, slower }) => {
    say(
      `3×3, ${channels} channels, ${side}×${side}, batch ${batch}, ${contender}: ${gigaflops.toFixed(0)} GFLOP/s (${slower.toFixed(2)}×)`,
    )
  })
  const text = convolutionsCsv(results, circumstances)
  process.stdout.write(text)
  if (options.record) say(await writeRecord('peers-convolutions', date, text))
}
