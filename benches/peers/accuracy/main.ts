/** Trains the paper's network on CIFAR-10's files in every mode, and its spatial twin in PyTorch; see `--help`. */
import { resolve } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { circumstancesOf, dataOption, pythonOption, say, whole, wholes } from '../command.js'
import { writeRecord } from '../record.js'
import { entryTitle, ours, peer, type Entry } from '../train/entries.js'
import { pythonWithTorch } from '../train/process.js'
import { part } from './data.js'
import { accuracyCsv, summary } from './record.js'
import { expectSameStart, trainOurs, trainTwin, type Epoch, type Run } from './runs.js'

interface Options {
  modes: Entry[]
  seeds: number[]
  epochs: number
  learningRate: number
  threads: number
  data: string
  python: string
  record: boolean
}

/** By the names that `--modes` has for them; the twin after the run that it is compared with. */
const ENTRIES: Record<string, Entry> = {
  exact: ours('exact'),
  twin: peer('pytorch'),
  'asm-6': ours('asm-6'),
  'band-8': ours('band-8'),
  'band-6': ours('band-6'),
  bfloat16: ours('exact', 'bfloat16'),
}
const NAMES = Object.keys(ENTRIES).join(',')

const command = new Command('bench:accuracy')
  .description("Accuracy of the paper's network on CIFAR-10 by mode, and of its spatial twin in PyTorch")
  .option('--modes <names>', `of ${NAMES}`, entriesOf, Object.values(ENTRIES))
  .option('--seeds <numbers>', 'of the initial weights and the order of the pictures', wholes, [1])
  .option('--epochs <n>', 'passes over the training files', whole, 8)
  .option('--learning-rate <rate>', 'the highest of the cycle', positive, 0.1)
  .option('--threads <n>', "of both sides; ours are JPEGNET_THREADS' where that is set", whole, 2)
  .addOption(dataOption())
  .addOption(pythonOption())
  .option('--record', 'write the figures to benches/record/', false)
const options = command.parse().opts<Options>()

const { epochs, learningRate, threads } = options
process.env['JPEGNET_THREADS'] ??= String(threads)
const circumstances = circumstancesOf('bench:accuracy', 1, threads)
const python = await pythonWithTorch(options.python)
if (!python)
  say(`${options.python}: expected a Python with torch, numpy and safetensors, found none; the twin is left out`)

const data = resolve(options.data)
const parts = { train: await part('train', data), test: await part('test', data) }
const pictures = `${parts.train.files.length} to train on, ${parts.test.files.length} to test on; ${parts.train.what}`
say(pictures)

const runs: Run[] = []
for (const seed of options.seeds) {
  const course = { epochs, learningRate, seed }
  let exact: Run | undefined
  for (const entry of options.modes) {
    if (entry.program === 'jpegnet') {
      const run = await trainOurs(entry, parts, course, told)
      if (entry === ENTRIES['exact']) exact = run
      runs.push(run)
    } else if (python) {
      const run = await trainTwin(entry, parts, { ...course, threads }, python, told)
      if (exact) expectSameStart(exact, run)
      runs.push(run)
    }
  }
}
summary(runs).forEach(say)
const text = accuracyCsv(runs, circumstances, pictures)
process.stdout.write(text)
if (options.record) say(await writeRecord('accuracy-cifar10', circumstances.date, text))

function told({ entry, seed, epoch, loss, accuracy, testAccuracy, imagesPerSecond }: Epoch): void {
  const [train, test] = [accuracy, testAccuracy].map(share => `${(100 * share).toFixed(2)} %`)
  const rate = `${imagesPerSecond.toFixed(0)} images/s`
  say(`${entryTitle(entry)}, seed ${seed}, epoch ${epoch}: loss ${loss.toFixed(4)}, ${train}, test ${test}, ${rate}`)
}

function entriesOf(text: string): Entry[] {
  return text.split(',').map(name => {
    const entry = ENTRIES[name]
    if (!entry) throw new InvalidArgumentError(`It must be some of ${NAMES}, with commas between.`)
    return entry
  })
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < Infinity)) throw new InvalidArgumentError('It must be a number above 0.')
  return value
}
