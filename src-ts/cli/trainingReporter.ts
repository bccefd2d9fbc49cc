/** What a person, or a program, is told of a training. */
import type { BestEpoch, Dataset, InputDefinition, SkippedFile, StartEvent, TrainEvent } from '../index.js'
import { balanceText } from './source.js'
import { count, duration, percent, printResult, say, warnOfDamaged, warnSkipped, type Progress } from './terminal.js'

/** What is learned and what is tested on. */
export interface Sets {
  train: Dataset
  test: Dataset | undefined
  /** Whether both are parts of one. */
  split: boolean
  /** Files left out of either. */
  skipped: readonly SkippedFile[]
}

/** What is known of the images before the first step, a line each. */
function aboutSets({ train, test, split }: Sets): string[] {
  const both = split && test ? [train, test] : [train]
  const sum = (of: (set: Dataset) => number) => both.reduce((total, set) => total + of(set), 0)
  const [images, kept] = [sum(set => set.length), sum(set => set.inMemory)]
  return [
    ...(split && test ? [`${count(train.length)} images to learn, ${count(test.length)} to test on`] : []),
    balanceText(train.balance),
    kept === images
      ? `${count(images)} images in memory, ${count(train.bytes / images)} bytes each`
      : `${count(kept)} of ${count(images)} images in memory, ${count(train.bytes)} bytes; the others are read again`,
    ...(test ? [] : ['no images to test on: the accuracy is that on the images it learns from (--split 0.2, --test)']),
  ]
}

/** Which images are not of the network's size, if there are any and the choice of the size does not tell so. */
function otherSizes(
  { images, ofOtherSize, testOfOtherSize = 0 }: StartEvent,
  { width, height }: InputDefinition,
  isSizeChosen: boolean,
): string | undefined {
  if (isSizeChosen && ofOtherSize > 0) return undefined
  const parts = [
    ...(ofOtherSize > 0 ? [`${count(ofOtherSize)} of ${count(images)} images`] : []),
    ...(testOfOtherSize > 0 ? [`${count(testOfOtherSize)} of the test`] : []),
  ]
  return parts.length > 0
    ? `${parts.join(' and ')} are not ${width}×${height}: transforms bring them to it, or else they are resized and cut`
    : undefined
}

/** Files left out when the sets were read, and those that do not fit the network's transforms. */
function skippedIn({ skipped }: Sets, event: StartEvent): readonly SkippedFile[] {
  const files = new Set(skipped.map(({ file }) => file))
  return [...skipped, ...event.skipped.filter(({ file }) => !files.has(file))]
}

/**
 * Tells a person, or a program, what a training does.
 *
 * @param isSizeChosen whether it was said how the network's size was chosen by the images
 */
export function reporter(
  json: boolean,
  progress: Progress,
  sets: Sets,
  input: InputDefinition,
  isSizeChosen: boolean,
): (event: TrainEvent) => void {
  let [stepsPerEpoch, epochs] = [0, 0]
  const lost = new Set<string>()
  return event => {
    switch (event.type) {
      case 'start': {
        progress.clear()
        aboutSets(sets).forEach(say)
        const resized = otherSizes(event, input, isSizeChosen)
        if (resized !== undefined) say(resized)
        if (event.stepsDone > 0) {
          say(`going on after step ${event.stepsDone}, with ${event.epochsDone} of ${event.epochs} epochs done`)
        }
        event.changed.forEach(change => say(`changed since the checkpoint: ${change}`))
        warnSkipped(skippedIn(sets, event))
        warnOfDamaged(event.warned)
        if (json) {
          const { train } = sets
          const skipped = skippedIn(sets, event)
          printResult(
            true,
            { ...event, skipped: skipped.length, warned: event.warned.length, balance: train.balance },
            '',
          )
        }
        ;({ stepsPerEpoch, epochs } = event)
        break
      }
      case 'features':
        progress.show(`features of ${event.set} files`, event.done, event.total)
        break
      case 'step': {
        const { epoch, training } = event.secondsLeft
        // First what is left, because a narrow terminal shows the beginning.
        const left =
          event.epoch < epochs ? `${duration(epoch)} left, in all ${duration(training)}` : `${duration(training)} left`
        const note = `${left}  loss ${event.loss.toFixed(3)}  accuracy ${percent(event.accuracy, 0)}`
        progress.show(`epoch ${event.epoch}/${epochs}`, event.step, stepsPerEpoch, note)
        break
      }
      case 'epoch': {
        progress.clear()
        const { test, ...epoch } = event
        const tested = test && { images: test.images, correct: test.correct, accuracy: test.accuracy, loss: test.loss }
        const onTest = test ? `, test ${percent(test.accuracy)}` : ''
        const rate = `${count(event.imagesPerSecond)} images/s`
        const left = event.epoch < epochs ? `, ${duration(event.secondsLeft)} left` : ''
        const text = `epoch ${event.epoch}: loss ${event.loss.toFixed(4)}, accuracy ${percent(event.accuracy)}${onTest}, ${rate}${left}`
        printResult(json, { ...epoch, ...(tested && { test: tested }) }, text)
        break
      }
      case 'stop': {
        const { reason, epoch, metric, best, last, restored } = event
        const valueOf = ({ value }: BestEpoch) => (metric === 'loss' ? value.toFixed(4) : percent(value))
        const why =
          reason === 'patience' ? `stopped after epoch ${epoch}: no better for ${epoch - best.epoch} epochs; ` : ''
        const both =
          best.epoch === last.epoch
            ? `the last epoch was the best on the test set: ${metric} ${valueOf(best)}`
            : `best on the test set: ${metric} ${valueOf(best)} after epoch ${best.epoch}; the last, epoch ${last.epoch}: ${valueOf(last)}`
        const kept = restored || best.epoch === last.epoch ? 'the best weights are saved' : 'the last weights are saved'
        printResult(json, event, `${why}${both}; ${kept}`)
        break
      }
      case 'lost': {
        const files = event.files.filter(({ file }) => !lost.has(file))
        files.forEach(({ file }) => lost.add(file))
        progress.clear()
        warnSkipped(files)
        if (json && files.length > 0) printResult(true, { ...event, files }, '')
        break
      }
      case 'checkpoint':
        if (json) printResult(true, event, '')
        break
    }
  }
}
