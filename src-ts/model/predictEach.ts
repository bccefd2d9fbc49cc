import * as z from 'zod'
import { BYTES_A_CALL } from '../data/chunks.js'
import { gathered } from '../data/gathering.js'
import { ahead, isIterable, readOnce, Stop, until, type AnyIterable } from '../data/iteration.js'
import type { ModelError } from '../errors.js'
import { checked } from '../options.js'
import type { Network } from './network.js'
import { named, pictureSchema, predictionsOf, predictSettings } from './predict.js'
import type { Picture, Prediction, PredictOptions } from './predict.js'
import { viewsOf, type NamedPicture, type Views } from './views.js'

/** An image of a stream that was not classified. */
export interface FailedPicture {
  file: string
  /** The error that {@link Model.predict} would throw for this image. */
  error: ModelError
}

/** The result for one image of a stream: a prediction if it has no `error`. */
export type PictureAnswer = (Prediction & { error?: undefined }) | FailedPicture

const iterableSchema = z.custom<AnyIterable<Picture>>(isIterable, 'an iterable of images')

/** Classifies images as they come; see {@link Model.predictEach}. */
export async function* predictEach(
  network: Network,
  pictures: AnyIterable<Picture>,
  options: PredictOptions,
): AsyncGenerator<PictureAnswer, void> {
  const { batchSize, mode, signal, view } = predictSettings(network, options, 'predictEach')
  const source = checked(iterableSchema, pictures, 'predictEach')
  readOnce(source, 'predictEach')
  const groups = (signal: AbortSignal) =>
    gathered(stop => namedPictures(until(source, stop), stop), { values: batchSize, bytes: BYTES_A_CALL }, signal)
  const answers = async function* (signal: AbortSignal) {
    for await (const { group, views } of viewed(
      groups,
      group => viewsOf(network.definition.input, group, view),
      signal,
    )) {
      const predictions = (await predictionsOf(network, group, views, mode)).values()
      yield group.map(({ name }, position): PictureAnswer => {
        const error = views.failures.get(position)
        return error ? Object.freeze({ file: name, error }) : (predictions.next().value as Prediction)
      })
    }
  }
  for await (const some of ahead(answers, signal)) yield* some
}

async function* namedPictures(
  pictures: AsyncIterable<Picture>,
  signal: AbortSignal,
): AsyncGenerator<NamedPicture, void> {
  let number = 0
  for await (const picture of pictures) {
    yield await named(checked(pictureSchema, picture, `predictEach.${number}`), number, signal)
    number += 1
  }
}

/** Groups of images with their views, each made while the one before is in use; freed when the next is asked for. */
async function* viewed(
  groups: (signal: AbortSignal) => AsyncGenerator<NamedPicture[], void>,
  viewsOf: (group: NamedPicture[]) => Promise<Views>,
  signal: AbortSignal,
): AsyncGenerator<{ group: NamedPicture[]; views: Views }, void> {
  const stop = new Stop(signal)
  const iterator = groups(stop.signal)
  const begin = () => {
    const made = iterator.next().then(async ({ done, value: group }) => {
      return done ? undefined : { group, views: await viewsOf(group) }
    })
    // Thrown when it is awaited; until then it is nobody's.
    made.catch(() => undefined)
    return made
  }
  let next = begin()
  try {
    for (let some = await next; some; some = await next) {
      next = begin()
      try {
        yield some
      } finally {
        some.views.set.dispose()
      }
    }
  } finally {
    stop.now()
    await next.then(
      some => some?.views.set.dispose(),
      () => undefined,
    )
    await iterator.return()
  }
}
