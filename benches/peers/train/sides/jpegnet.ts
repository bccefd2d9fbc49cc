/** This package: a data set of JPEG files that were read before, as they stay in memory. */
import { jpegFiles, loadDataset, loadModel, runtimeInfo, sgd, type LabelledFile } from 'jpegnet'
import { MODES } from '../entries.js'
import type { OpenTrainSide } from './side.js'

export const open: OpenTrainSide = async ({ workload, batch, pictures, mode, precision }) => {
  if (precision === 'float64') throw new Error('jpegnet: expected float32 or bfloat16, found float64')
  const model = await loadModel(workload.model, MODES[mode])
  const files = Array.from({ length: pictures }, (_, index): LabelledFile => {
    return workload.files[index % workload.files.length] as LabelledFile
  })
  const dataset = await loadDataset(jpegFiles(files))
  const events = model.train(dataset, {
    // More than anybody asks for.
    epochs: 1_000_000,
    batchSize: batch,
    shuffle: false,
    optimizer: sgd(workload.optimizer),
    storage: precision,
  })
  const { isa, threads, version } = runtimeInfo()
  return {
    versions: { jpegnet: `${version} (${isa})` },
    threads,
    async step() {
      for (;;) {
        const { done, value } = await events.next()
        if (done) throw new Error('jpegnet: expected another step, found the end of the training')
        if (value.type === 'step') return value.loss
      }
    },
    async read() {
      using _ = await loadDataset(jpegFiles(files))
    },
  }
}
