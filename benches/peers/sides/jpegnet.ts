/** This package, exact or band-limited. */
import { jpegImages, loadDataset, loadModel, runtimeInfo } from '../../../dist/index.js'
import { networkOf } from '../../../dist/model/model.js'
import type { OpenSide } from './side.js'

/** A contender whose feature maps keep that many frequencies; all if none are given. */
export const jpegnet =
  (frequencies?: number): OpenSide =>
  async ({ model: path }) => {
    const mode = frequencies === undefined ? undefined : ({ mode: 'band-limited', frequencies } as const)
    const model = await loadModel(path)
    const images = (files: readonly Uint8Array[]) => jpegImages(files.map(jpeg => ({ jpeg, label: 'any' })))
    const { isa, threads, version } = runtimeInfo()
    return {
      versions: { jpegnet: `${version} (${isa})` },
      threads,
      async whole(files) {
        const predictions = await model.predict(files, { batchSize: files.length, ...mode })
        return Float32Array.from(predictions.flatMap(({ logits }) => logits))
      },
      async decode(files) {
        const dataset = await loadDataset(images(files))
        dataset.dispose()
      },
      async network(files) {
        const dataset = await loadDataset(images(files))
        const batch = await dataset.batch(Uint32Array.from(files, (_, index) => index))
        dataset.dispose()
        return () => networkOf(model).logits(batch, mode)
      },
    }
  }
