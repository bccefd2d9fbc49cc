/** What a training tells, as a page shows it. */
import type { Dataset } from '../data/dataset.js'
import type { JpegSource } from '../data/listing.js'
import type { EvaluateOptions } from '../model/evaluate.js'
import type { Evaluation } from '../model/evaluation.js'
import { checkedModel, type Model } from '../model/model.js'
import { checkedObject } from '../options.js'
import type { StartEvent, StepEvent, StopEvent, TrainEvent } from '../train/events.js'
import { keptEpoch } from '../train/stopping.js'

/** Means over one or more steps that follow one another. */
export interface CurvePoint {
  /** Epochs done, in parts too. */
  at: number
  loss: number
  learningRate: number
}

/** Most points of a curve. */
const POINTS = 480

/** A training's events, in memory that does not grow with it: {@link trainingReport} draws them. */
export class TrainingRecord {
  /** The training's `start` event, once it came. */
  start: StartEvent | undefined
  /** Its `stop` event, once it came. */
  stop: StopEvent | undefined
  readonly #points: (CurvePoint & { steps: number })[] = []
  /** Steps that a point stands for. */
  #steps = 1
  #last: Tested | undefined
  #best: Tested | undefined

  /** Takes what {@link Model.train} gives, or what `onEvent` of {@link Model.fit} is told. */
  add(event: TrainEvent): void {
    checkedObject(event, 'TrainingRecord.add', 'an event of a training')
    if (event.type === 'start') this.start = event
    if (event.type === 'step') this.#addStep(event)
    if (event.type === 'epoch' && event.test) this.#addTest(event.epoch, event.test, event.best?.epoch)
    if (event.type === 'stop') this.stop = event
  }

  /**
   * Tests the best weights that a checkpoint kept, before its training is resumed: the page tells of them until an epoch is better. Does
   * nothing for a model whose training kept none.
   *
   * @throws ModelError as {@link Model.evaluate}
   */
  async testBest(model: Model, test: JpegSource | Dataset, options: EvaluateOptions = {}): Promise<void> {
    const { training } = checkedModel(model, 'TrainingRecord.testBest.model')
    const best = training && keptEpoch(training)
    if (!best) return
    this.#best = { epoch: best.epoch, evaluation: await model.evaluate(test, options) }
    this.#last ??= this.#best
  }

  /** Loss and learning rate over the steps. */
  get curve(): readonly CurvePoint[] {
    return this.#points
  }

  /** How the test set went after the last epoch, or after the best one if it is that; nothing if it is not known any more. */
  tested(epoch?: number): Tested | undefined {
    if (epoch === undefined) return this.#last
    return [this.#last, this.#best].find(tested => tested?.epoch === epoch)
  }

  #addStep({ epoch, step, loss, learningRate }: StepEvent): void {
    const at = epoch - 1 + step / (this.start?.stepsPerEpoch ?? step)
    const point = { at, loss, learningRate, steps: 1 }
    const last = this.#points.at(-1)
    if (last && last.steps < this.#steps) this.#points[this.#points.length - 1] = meanOf(last, point)
    else this.#points.push(point)
    if (this.#points.length <= POINTS) return
    this.#steps *= 2
    const pairs = this.#points.flatMap((point, index, all) => {
      const next = all[index + 1]
      return index % 2 === 1 ? [] : [next ? meanOf(point, next) : point]
    })
    this.#points.splice(0, Infinity, ...pairs)
  }

  #addTest(epoch: number, evaluation: Evaluation, best: number | undefined): void {
    this.#last = { epoch, evaluation }
    if (best === epoch) this.#best = this.#last
  }
}

/** How the test set went after an epoch. */
export interface Tested {
  epoch: number
  evaluation: Evaluation
}

function meanOf<T extends CurvePoint & { steps: number }>(one: T, other: T) {
  const steps = one.steps + other.steps
  const mean = (a: number, b: number) => (a * one.steps + b * other.steps) / steps
  return {
    at: mean(one.at, other.at),
    loss: mean(one.loss, other.loss),
    learningRate: mean(one.learningRate, other.learningRate),
    steps,
  }
}
