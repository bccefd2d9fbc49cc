/** What trains in a process of its own. */
import type { Entry } from '../entries.js'
import type { TrainPrepared } from '../prepare.js'

/** How a training is begun. */
export interface Opening extends Entry {
  workload: TrainPrepared
  threads: number
  batch: number
  /** Pictures it goes over again and again, in their order: the workload's, from the start again where they end. */
  pictures: number
}

/** A training at its beginning, or wherever its steps have brought it. */
export interface TrainSide {
  /** Versions of what it uses. */
  versions: Record<string, string>
  /** Threads it has, which may be fewer than it was given. */
  threads: number
  /** The next step; its loss before the update. */
  step(): Promise<number>
  /** Reads and decodes all files once more, as is done before the first step; none if files are not what it takes. */
  read?(): Promise<void>
}

export type OpenTrainSide = (opening: Opening) => Promise<TrainSide>
