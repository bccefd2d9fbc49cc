// The first command: makes JPEG files of MNIST, trains the paper's network on them in the JPEG transform domain, tests it
// on 10,000 files it has not seen, and writes a page about it. Everything goes through the public API.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { SingleBar, Presets } from 'cli-progress'
import {
  adam,
  createModel,
  jpegFolder,
  loadDataset,
  oneCycle,
  paperResnet,
  runtimeInfo,
  trainingReport,
  TrainingRecord,
} from 'jpegnet'
import { mnistFiles } from './files.mjs'

const EPOCHS = 3
const BATCH_SIZE = 64
/** How many test pictures that it gets wrong the page shows, beside one of each digit that it gets right. */
const MISTAKES = 12

const root = fileURLToPath(new URL('../../.demo/', import.meta.url))
const say = text => process.stdout.write(`${text}\n`)

const bar = new SingleBar(
  { format: '{title} {bar} {value}/{total}  {note}', clearOnComplete: true, linewrap: true, noTTYOutput: false },
  Presets.shades_classic,
)
let barTitle = ''
function progress(title, done, total, note = '') {
  if (title !== barTitle) {
    if (barTitle) bar.stop()
    bar.start(total, done, { title, note })
    barTitle = title
  }
  bar.update(done, { title, note })
}
function finished() {
  if (barTitle) bar.stop()
  barTitle = ''
}

const { isa, threads } = runtimeInfo()
say(`jpegnet on ${isa}, ${threads} threads`)

const files = {}
for (const part of ['train', 'test']) {
  files[part] = await mnistFiles(part, join(root, 'mnist'), (done, total) =>
    progress(`making ${part} files`, done, total),
  )
  finished()
}

const model = createModel(paperResnet({ channels: 1, classes: 10, mean: [0.1], std: [0.28] }), { seed: 1 })
say(model.summary())
say('')

const data = {}
for (const part of ['train', 'test']) {
  const onProgress = ({ done, total }) => progress(`reading ${part} files`, done, total)
  data[part] = await loadDataset(jpegFolder(files[part]), { onProgress })
  finished()
}
const { train, test } = data
say(
  `${train.length} images, ${Math.round(train.bytes / train.length)} bytes each in memory (as 8-bit pixels: ${32 * 32})`,
)

const started = performance.now()
const training = {
  epochs: EPOCHS,
  batchSize: BATCH_SIZE,
  optimizer: adam({ learningRate: 0.005 }),
  schedule: oneCycle(),
  seed: 1,
  test,
  checkpoint: { path: join(root, 'mnist.model') },
}
const record = new TrainingRecord()
for await (const event of model.train(train, training)) {
  record.add(event)
  if (event.type === 'step') {
    progress(`epoch ${event.epoch}`, event.step, record.start.stepsPerEpoch, `loss ${event.loss.toFixed(4)}`)
  }
  if (event.type === 'epoch') {
    finished()
    const { epoch, loss, test, imagesPerSecond } = event
    say(
      `epoch ${epoch}: loss ${loss.toFixed(4)}, test ${(100 * test.accuracy).toFixed(2)} %, ${Math.round(imagesPerSecond)} images/s`,
    )
  }
}
const minutes = (performance.now() - started) / 60_000

const evaluation = await model.evaluate(jpegFolder(files.test), { worst: MISTAKES })
const predictions = await model.predict(test.files)
const isOf = file => file.split(/[/\\]/).at(-2)
const shown = test.classes.map(digit =>
  predictions.find(({ file, classes }) => isOf(file) === digit && classes[0].label === digit),
)
const pictures = shown.filter(Boolean).map(prediction => ({ prediction, label: isOf(prediction.file) }))
const page = join(root, 'report.html')
const title = 'MNIST in the JPEG transform domain'
const told = { title, model, record, data: train, test, evaluation, pictures, command: 'npm run demo' }
await writeFile(page, await trainingReport(told))

say('')
say(
  `test accuracy: ${(100 * evaluation.accuracy).toFixed(2)} % of ${evaluation.images} files, after ${minutes.toFixed(1)} minutes`,
)
say(
  `throughput: training ${Math.round(model.training.history.at(-1).imagesPerSecond)} images/s, files to answers ${Math.round(evaluation.imagesPerSecond)} images/s`,
)
say(`model: ${training.checkpoint.path}`)
say(`page: ${pathToFileURL(page)}`)
train.dispose()
test.dispose()
model.dispose()
