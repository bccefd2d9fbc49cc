/** The spatial side of comparisons: the same network on pixels, by libraries that users install beside this package. */
import { ModelError } from '../errors.js'
import { exportOnnx } from '../export/onnx/export.js'
import type { Model } from '../model/model.js'
import { runtimeInfo } from '../runtime.js'

type OnnxRuntime = typeof import('onnxruntime-node')
type Sharp = typeof import('sharp')

/** Logits of normalised pixels `[count, channels, height, width]`. */
export type OnPixels = (pixels: Float32Array, count: number) => Promise<Float32Array>

/** Logits of JPEG files. */
export type OnFiles = (files: readonly Uint8Array[]) => Promise<Float32Array>

/**
 * A model's network on pixels in ONNX Runtime, which is no dependency of this package.
 *
 * @throws ModelError `INVALID_OPTION` if it is not installed
 */
export async function inOnnxRuntime(model: Model, experiment: string): Promise<OnPixels> {
  const { InferenceSession, Tensor } = (await beside('onnxruntime-node', experiment)) as OnnxRuntime
  const session = await InferenceSession.create(await exportOnnx(model), {
    intraOpNumThreads: runtimeInfo().threads,
    interOpNumThreads: 1,
  })
  const { channels, height, width } = model.definition.input
  return async (pixels, count) => {
    const { logits } = await session.run({ pixels: new Tensor('float32', pixels, [count, channels, height, width]) })
    return logits?.data as Float32Array
  }
}

/**
 * The same from files, which sharp decodes to 8-bit pixels.
 *
 * @throws ModelError `INVALID_OPTION` if one of the two is not installed
 */
export async function onDecodedFiles(model: Model, experiment: string): Promise<OnFiles> {
  const { default: sharp } = (await beside('sharp', experiment)) as Sharp
  const run = await inOnnxRuntime(model, experiment)
  const { channels, height, width, mean, std } = model.definition.input
  const area = height * width
  // A sample has 256 values, so normalising is a look-up.
  const tables = Array.from({ length: channels }, (_, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => (value / 255 - (mean[channel] ?? 0)) / (std[channel] ?? 1)),
  )
  sharp.concurrency(runtimeInfo().threads)
  // No file comes twice in a row.
  sharp.cache(false)
  return async files => {
    const pixels = new Float32Array(files.length * channels * area)
    await Promise.all(
      files.map(async (file, number) => {
        const picture = channels === 1 ? sharp(file).toColourspace('b-w') : sharp(file).toColourspace('srgb')
        const samples = await picture.raw().toBuffer()
        for (const [channel, table] of tables.entries()) {
          const plane = pixels.subarray((number * channels + channel) * area, (number * channels + channel + 1) * area)
          for (let at = 0; at < area; at++) plane[at] = table[samples[at * channels + channel] as number] as number
        }
      }),
    )
    return run(pixels, files.length)
  }
}

/**
 * Refuses an experiment that lacks a package, before hours are spent on it.
 *
 * @throws ModelError `INVALID_OPTION`
 */
export async function checkInstalled(packages: readonly string[], experiment: string): Promise<void> {
  for (const name of packages) await beside(name, experiment)
}

/** A package that users install beside this one: bundlers are told to leave it to the run. */
async function beside(name: string, experiment: string): Promise<unknown> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ name).catch((cause: unknown) => {
    throw notInstalled(name, experiment, cause)
  })
}

function notInstalled(name: string, experiment: string, cause: unknown): ModelError {
  const [expected, found] = [`${name} beside this package (npm install ${name})`, 'none']
  return new ModelError('INVALID_OPTION', `${experiment}: expected ${expected}, found ${found}`, {
    expected,
    found,
    cause,
  })
}
