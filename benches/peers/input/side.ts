/** A process that makes what a network reads of JPEG bytes: by this package, or by sharp. */
import { readFile } from 'node:fs/promises'
import { mixup, runtimeInfo } from 'jpegnet'
import sharp from 'sharp'
import { lift, NativeJpegSet } from '../../../dist/native/addon.js'
import { lowerView } from '../../../dist/transforms/lower.js'
import { serve } from '../conversation.js'
import { decoder } from '../sides/decode.js'
import { IMAGENET } from '../workloads.js'
import { TASKS, type Task, type Transforms } from './tasks.js'

export const SIDES = ['jpegnet', 'sharp'] as const
export type SideName = (typeof SIDES)[number]

export type Order =
  | { type: 'open'; side: SideName; task: string; files: readonly string[]; threads: number }
  /** Normalised pixels of the fixed transforms. */
  | { type: 'answer' }
  | { type: 'time'; batches: number }

export interface Answers extends Record<Order['type'], unknown> {
  open: { versions: Record<string, string> }
  answer: Float32Array
  time: { milliseconds: number }
}

/** Mixing that never happens: pixels are made of all pictures for it, those that come out unchanged too. */
const mix = [mixup({ probability: 0 })]

interface Side {
  versions: Record<string, string>
  make(files: readonly Uint8Array[]): Promise<unknown>
  answer(files: readonly Uint8Array[]): Promise<Float32Array>
}

function ofJpegnet({ transforms }: Task): Side {
  const { isa, version } = runtimeInfo()
  /** One batch after another, and the numbers of its random draws with it. */
  let start = 0
  const reading = async <T>(files: readonly Uint8Array[], use: (set: NativeJpegSet) => Promise<T>) => {
    const set = new NativeJpegSet()
    try {
      lift(
        await set.decodeBuffers(
          files as Uint8Array[],
          files.map((_, index) => `${index}`),
        ),
      )
      return await use(set)
    } finally {
      set.dispose()
    }
  }
  const input = async (files: readonly Uint8Array[], side: number, list: Transforms['ours']) =>
    reading(files, async set => {
      start += files.length
      const network = { ...IMAGENET, channels: 3, height: side, width: side }
      const views = lift(await set.view(lowerView(network, list, { mix, random: { seed: 1, epoch: start, start: 0 } })))
      try {
        return lift(await views.normalised(IMAGENET.mean, IMAGENET.std))
      } finally {
        views.dispose()
      }
    })
  return {
    versions: { jpegnet: `${version} (${isa})` },
    make: files =>
      transforms ? input(files, transforms.side, transforms.ours) : reading(files, async () => undefined),
    answer: async files =>
      transforms ? input(files, transforms.fixed.side, transforms.fixed.ours) : new Float32Array(),
  }
}

function ofSharp({ transforms }: Task, threads: number): Side {
  sharp.concurrency(threads)
  sharp.cache(false)
  const versions = { sharp: sharp.versions.sharp ?? 'unknown' }
  if (!transforms) {
    const decode = (file: Uint8Array) => sharp(file).raw().toBuffer()
    return { versions, make: files => Promise.all(files.map(decode)), answer: async () => new Float32Array() }
  }
  const { side, fixed } = transforms
  const network = (side: number) => ({ ...IMAGENET, height: side, width: side })
  return {
    versions,
    make: decoder(network(side), 'NCHW', threads, picture => transforms.sharp(picture)),
    answer: decoder(network(fixed.side), 'NCHW', threads, picture => fixed.sharp(picture)),
  }
}

let side: Side
let files: Uint8Array[]

serve(async (order: Order) => {
  switch (order.type) {
    case 'open': {
      const task = TASKS.find(({ name }) => name === order.task) as Task
      side = order.side === 'jpegnet' ? ofJpegnet(task) : ofSharp(task, order.threads)
      files = await Promise.all(order.files.map(async file => new Uint8Array(await readFile(file))))
      return { versions: side.versions }
    }
    case 'answer':
      return side.answer(files)
    case 'time': {
      const start = performance.now()
      for (let batch = 0; batch < order.batches; batch++) await side.make(files)
      return { milliseconds: performance.now() - start }
    }
  }
})
