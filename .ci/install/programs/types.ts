// Nothing of a browser or of Node is among the types of this program.
import { createModel, Model, ModelError, type ModelErrorCode, type Picture, type Prediction, resnet } from 'jpegnet'
import { conv2d, jpegFolder, type ModelDefinition, sequential, type TrainEvent, type TrainOptions } from 'jpegnet'

export async function train(folder: string, options: TrainOptions): Promise<Model> {
  const definition: ModelDefinition = resnet({ classes: 2, stages: [{ blocks: 1, channels: 8 }] })
  const model = createModel(definition, { seed: 1 })
  for await (const event of model.train(jpegFolder(folder), options)) say(event)
  return model
}

function say(event: TrainEvent): number | undefined {
  return event.type === 'epoch' ? event.loss : undefined
}

export async function labels(model: Model, picture: Picture): Promise<string | undefined> {
  const predictions: Prediction[] = await model.predict([picture])
  return predictions[0]?.classes[0]?.label
}

export const code = (error: unknown): ModelErrorCode | undefined =>
  error instanceof ModelError ? error.code : undefined
export const layers = sequential([conv2d({ channels: 8 })])

// @ts-expect-error: types are there, and not any
createModel(1)
// @ts-expect-error: a model comes from createModel or loadModel
export const nothing = () => new Model()
