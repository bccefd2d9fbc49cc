/** JPEG files to compare on: real ones where they are at hand, made ones otherwise. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inspectJpeg, type LabelledFile } from 'jpegnet'
import sharp, { type JpegOptions, type Sharp } from 'sharp'
import { cached } from './folders.js'

const run = promisify(execFile)

/**
 * `cifar`: 32×32, quality 95, 4:4:4; `photos-224`: photographs as they came; `photos-256`, `photos-500`: those at
 * 256×256, quality 75, and at 500×500, quality 90, 4:2:0.
 */
export type PictureSet = 'cifar' | 'photos-224' | 'photos-256' | 'photos-500'

/** Where a set comes from, and how many of it are used. */
const SETS = {
  cifar: { archive: 'cifar10', side: 32, count: 1024, jpeg: { quality: 95, chromaSubsampling: '4:4:4' } },
  'photos-224': { archive: 'photos', side: 224, count: 64, jpeg: { quality: 75, chromaSubsampling: '4:2:0' } },
  'photos-500': { archive: 'photos', side: 500, count: 64, jpeg: { quality: 90, chromaSubsampling: '4:2:0' } },
  'photos-256': { archive: 'photos', side: 256, count: 64, jpeg: { quality: 75, chromaSubsampling: '4:2:0' } },
} as const

/** Classes of made pictures, which mean nothing. */
const MADE_CLASSES = 10

/** A set's files, and in words what they are. */
export interface Pictures {
  files: string[]
  what: string
}

/** The files of a set, made if they are not there yet. `data` is the folder of the archives of real pictures. */
export async function pictures(set: PictureSet, data: string): Promise<Pictures> {
  const { archive, side, count, jpeg } = SETS[set]
  const path = archivePath(archive, data)
  if (!existsSync(path)) return { files: await madePictures(side, count, jpeg), what: madeOf(set) }
  const real = (await extracted(path, archive, 'test', count)).map(({ file }) => file)
  if (set === 'cifar' || set === 'photos-224') return { files: real, what: realOf(set) }
  const files = await written(set, count, index =>
    sharp(real[index]).resize(side, side, { fit: 'fill' }).jpeg(jpeg).toBuffer(),
  )
  return { files, what: `photographs, ${formatOf(set)}` }
}

/** A set's files with their classes, and in words what they are. */
export interface LabelledPictures {
  files: LabelledFile[]
  what: string
}

/**
 * Files of a part of a set as its archive has them, classes in turn: so many, or all there are. Made ones where there is no
 * archive have classes too.
 */
export async function labelledPictures(
  set: 'cifar' | 'photos-224',
  part: 'train' | 'test',
  data: string,
  count: number | 'all',
): Promise<LabelledPictures> {
  const { archive, side, count: few, jpeg } = SETS[set]
  const path = archivePath(archive, data)
  if (existsSync(path)) return { files: await extracted(path, archive, part, count), what: realOf(set) }
  const made = await madePictures(side, count === 'all' ? few : count, jpeg)
  return { files: made.map((file, index) => ({ file, label: String(index % MADE_CLASSES) })), what: madeOf(set) }
}

function archivePath(archive: string, data: string): string {
  return join(data, `${archive}.tar.xz`)
}

function formatOf(set: PictureSet): string {
  const { side, jpeg } = SETS[set]
  return `${side}×${side}, quality ${jpeg.quality}, ${jpeg.chromaSubsampling}`
}

function realOf(set: 'cifar' | 'photos-224'): string {
  return set === 'cifar' ? `CIFAR-10, ${formatOf(set)}` : 'photographs, 224×224'
}

function madeOf(set: PictureSet): string {
  return `made pictures (no ${SETS[set].archive}.tar.xz), ${formatOf(set)}`
}

/** Pictures of noise. */
export function madePictures(side: number, count: number, jpeg: JpegOptions): Promise<string[]> {
  return written(`made-${side}`, count, index => made(index, side).jpeg(jpeg).toBuffer())
}

/** Files in colour of a part of an archive, classes in turn: so many, or all. */
async function extracted(
  path: string,
  archive: string,
  part: 'train' | 'test',
  count: number | 'all',
): Promise<LabelledFile[]> {
  const folder = join(await unpacked(path, archive, part), archive, part)
  const classes = await Promise.all(
    (await readdir(folder)).sort().map(async label => {
      const files = (await readdir(join(folder, label))).sort()
      return files.map(file => ({ file: join(folder, label, file), label }))
    }),
  )
  const most = Math.max(...classes.map(files => files.length))
  const inTurn = Array.from({ length: most }, (_, row) => classes.flatMap(files => files[row] ?? [])).flat()
  const chosen: LabelledFile[] = []
  for (const labelled of inTurn) {
    if (chosen.length === count) return chosen
    if ((await inspectJpeg(labelled.file)).colour === 'ycbcr') chosen.push(labelled)
  }
  if (count !== 'all' && chosen.length < count) {
    throw new Error(`${path}: expected ${count} ${part} files in colour, found ${chosen.length}`)
  }
  return chosen
}

/** The folder that a part of an archive is unpacked in, whole. */
async function unpacked(path: string, archive: string, part: string): Promise<string> {
  const folder = await cached('data')
  const whole = join(folder, archive, part)
  if (existsSync(whole)) return folder
  const aside = await cached('data/unpacking')
  await run('tar', ['-xJf', path, '-C', aside, `${archive}/${part}`])
  await mkdir(join(folder, archive), { recursive: true })
  await rename(join(aside, archive, part), whole)
  await rm(aside, { recursive: true })
  return folder
}

/** Files made once, and again if a run before was cut short. */
async function written(name: string, count: number, make: (index: number) => Promise<Buffer>): Promise<string[]> {
  const folder = await cached(`pictures/${name}`)
  const done = join(folder, 'complete')
  const files = Array.from({ length: count }, (_, index) => join(folder, `${String(index).padStart(4, '0')}.jpg`))
  const there = Number(await readFile(done, 'utf8').catch(() => ''))
  if (there < count) {
    await mkdir(folder, { recursive: true })
    for (const [index, file] of files.entries()) await writeFile(file, await make(index))
    await writeFile(done, String(count))
  }
  return files
}

/** A picture with energy at every scale, falling with frequency as photographs' does. */
function made(index: number, side: number): Sharp {
  let state = (index + 1) * 2654435761
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const pixels = new Float32Array(side * side * 3).fill(128)
  for (let cells = 2, amplitude = 64; cells <= side; cells *= 2, amplitude /= 2) {
    const grid = Float32Array.from({ length: (cells + 1) ** 2 * 3 }, () => (random() - 0.5) * 2 * amplitude)
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) {
        const [v, h] = [(y * cells) / side, (x * cells) / side]
        const [top, left] = [Math.floor(v), Math.floor(h)]
        for (let channel = 0; channel < 3; channel++) {
          const at = (row: number, column: number) => grid[(row * (cells + 1) + column) * 3 + channel] as number
          const upper = at(top, left) + (h - left) * (at(top, left + 1) - at(top, left))
          const lower = at(top + 1, left) + (h - left) * (at(top + 1, left + 1) - at(top + 1, left))
          const pixel = (y * side + x) * 3 + channel
          pixels[pixel] = (pixels[pixel] as number) + upper + (v - top) * (lower - upper)
        }
      }
    }
  }
  return sharp(Uint8ClampedArray.from(pixels), { raw: { width: side, height: side, channels: 3 } })
}
