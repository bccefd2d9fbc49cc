// A training that does not end by itself.
import { createModel, jpegFolder, resnet } from 'jpegnet'
import { parentPort } from 'node:worker_threads'

const model = createModel(resnet({ classes: 2, stages: [{ blocks: 2, channels: 16 }] }))
for await (const { type } of model.train(jpegFolder('pictures'), { epochs: 1e6, batchSize: 8 })) {
  if (type === 'step') parentPort.postMessage(type)
}
