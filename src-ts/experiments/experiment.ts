/** What an experiment is: parts that each give rows, and what is drawn of them. */

import type { Pictures } from './data.js'

/** One line of the results: numbers with what they are of. */
export type Row = Readonly<Record<string, string | number>>

/** A piece of work that is done whole or not at all; its rows are kept when it is done. */
export interface Part {
  /** Its name among the parts, the same in every run. */
  key: string
  /** What it does, for a person. */
  title: string
  /** How much work it is, against the others. */
  weight: number
  run: (context: PartContext) => Promise<Row[]>
  /** Removes what only this part needed, when its rows are kept. */
  tidy?: () => Promise<void>
}

/** What a part is run with. */
export interface PartContext {
  /** Ends it with an `ABORTED` error. */
  signal: AbortSignal | undefined
  /** To be told how much of it is done, 0…1, if it takes long. */
  progress: (share: number) => void
}

/** How an experiment is run. */
export interface Settings {
  /** The folder of the images; none for one that needs no images. */
  data: string | undefined
  pictures: Pictures
  /** Where models are kept that several parts use. */
  models: string
  /** Trainings from so many initial weights. */
  seeds: number
  /** Epochs of each training. */
  epochs: number
  /** Whether it is made small, to see that it runs. */
  quick: boolean
  /** Images of each set that are looked at, at most; all unless it is quick. */
  most: number
}

/** A figure of a report. */
export interface Figure {
  /** Its name as a file. */
  name: string
  caption: string
  svg: string
}

/** What a report shows below its heading. */
export interface Findings {
  /** What was done, and what to see; a paragraph each. */
  text: readonly string[]
  figures: readonly Figure[]
  tables: readonly Table[]
}

/** A table of a report. */
export interface Table {
  caption: string
  head: readonly string[]
  rows: readonly (readonly (string | number)[])[]
}

/** An experiment. */
export interface Experiment {
  name: string
  title: string
  /** Whether it needs images. */
  needsData: boolean
  /** Packages that it cannot do without, and that this one does not bring. */
  needsPackages?: readonly string[]
  parts: (settings: Settings) => Promise<Part[]> | Part[]
  findings: (rows: readonly Row[], settings: Settings) => Findings
}
