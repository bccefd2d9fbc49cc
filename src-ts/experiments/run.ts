/** Runs experiments: part by part, each kept when it is done, then the results drawn. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import * as z from 'zod'
import { Stop, throwIfAborted } from '../data/iteration.js'
import { mismatch } from '../errors.js'
import { secondsLeft } from '../numbers.js'
import { abortSignal, checked, unknownName } from '../options.js'
import { listPictures, quickCount, type Pictures } from './data.js'
import type { Experiment, Row, Settings } from './experiment.js'
import { svgFile } from '../report/html.js'
import { ResultsFolder } from './folder.js'
import { conversion } from './conversion.js'
import { frequenciesConverted } from './frequenciesConverted.js'
import { frequenciesTrained } from './frequenciesTrained.js'
import { csvOf, reportOf } from './page.js'
import { quality } from './quality.js'
import { reluBlocks } from './reluBlocks.js'
import { sparsity } from './sparsity.js'
import { throughput } from './throughput.js'
import { checkInstalled } from './twin.js'

const EXPERIMENTS: readonly Experiment[] = [
  conversion,
  reluBlocks,
  frequenciesConverted,
  frequenciesTrained,
  throughput,
  sparsity,
  quality,
]

/** Milliseconds between two events of one part. */
const TELLING = 1000

/** Names of all experiments. */
export const experimentNames: readonly string[] = Object.freeze(EXPERIMENTS.map(({ name }) => name))

/** Options of {@link runExperiment}. */
export interface ExperimentOptions {
  /** Where the results go: a new folder, or one where a run of the same was interrupted. */
  out: string
  /**
   * A folder with `train` and `test`, each with a folder of JPEG files for each class; or one of classes, of which a fifth is
   * tested on.
   */
  data?: string | undefined
  /** Trainings, each from initial weights of its own; 3 by default, 1 if quick. */
  seeds?: number | undefined
  /** Epochs of each training; 10 by default, 3 if quick. */
  epochs?: number | undefined
  /** Whether it is made small, to see that it runs: under two minutes. */
  quick?: boolean | undefined
  /** Ends the run between two parts, or within a training, with an `ABORTED` error; what is done is kept. */
  signal?: AbortSignal | undefined
}

/** How far an experiment has come: before each part, about every second within it, and at the end. */
export type ExperimentEvent =
  | { type: 'part' | 'progress'; title: string; done: number; total: number; secondsLeft: number | undefined }
  | { type: 'end'; rows: readonly Row[]; report: string; csv: string }

const optionsSchema = z.strictObject({
  out: z.string().min(1),
  data: z.string().min(1).optional(),
  seeds: z.int().min(1).max(100).optional(),
  epochs: z.int().min(1).max(1000).optional(),
  quick: z.boolean().optional(),
  signal: abortSignal.optional(),
}) satisfies z.ZodType<ExperimentOptions>

/**
 * Runs an experiment, telling before each part what comes and how long all is likely to take. What an interrupted run did is
 * found in its folder and not done again; nor is what a run of fewer seeds did.
 *
 * @throws ModelError `INVALID_OPTION`, also for a folder that holds other results or a package that is not installed; errors of
 *   the data and of trainings; `WRITE_FAILED`; `ABORTED`
 */
export async function* runExperiment(name: string, options: ExperimentOptions): AsyncGenerator<ExperimentEvent, void> {
  const given = checked(optionsSchema, options, 'runExperiment')
  const { out, data, quick = false, seeds = quick ? 1 : 3, epochs = quick ? 3 : 10, signal } = given
  const experiment = EXPERIMENTS.find(other => other.name === name)
  if (!experiment) throw unknownName('experiment', experimentNames, name)
  await checkInstalled(experiment.needsPackages ?? [], name)
  const pictures = await checkedPictures(experiment, data)
  const most = quick ? await quickCount(pictures) : Infinity
  const settings: Settings = { data, pictures, models: join(out, 'models'), seeds, epochs, quick, most }
  const folder = await ResultsFolder.open(out, name, settings)
  try {
    yield* runIn(folder, experiment, settings, signal)
  } finally {
    folder.close()
  }
}

/** Does the parts that are not done in a folder, and draws the results of all. */
async function* runIn(
  folder: ResultsFolder,
  experiment: Experiment,
  settings: Settings,
  signal: AbortSignal | undefined,
): AsyncGenerator<ExperimentEvent, void> {
  const parts = await experiment.parts(settings)
  const kept = new Map((await folder.done()).map(part => [part.key, part]))
  const total = parts.reduce((sum, { weight }) => sum + weight, 0)
  for (const part of parts) {
    if (kept.has(part.key)) continue
    throwIfAborted(signal)
    const before = parts.filter(({ key }) => kept.has(key))
    const start = performance.now()
    const seconds = () => (performance.now() - start) / 1000
    let [share, told] = [0, 0]
    const event = (type: 'part' | 'progress') => {
      const done = before.reduce((sum, { weight }) => sum + weight, 0) + share * part.weight
      const taken = before.reduce((sum, { key }) => sum + (kept.get(key)?.seconds ?? 0), seconds())
      return { type, title: part.title, done, total, secondsLeft: secondsLeft(taken, done, total - done) }
    }
    yield event('part')
    // Whoever stops listening ends the part too.
    const left = new Stop(signal)
    const context = {
      signal: left.signal,
      progress: (done: number) => (share = done),
    }
    const running = part.run(context)
    try {
      for await (const _ of whileRunning(running)) {
        if (share === told) continue
        told = share
        yield event('progress')
      }
      const finished = { key: part.key, rows: await running, seconds: seconds() }
      await folder.add(finished)
      kept.set(part.key, finished)
      await part.tidy?.()
    } finally {
      left.now()
      await running.catch(() => undefined)
    }
  }
  const rows = parts.flatMap(({ key }) => kept.get(key)?.rows ?? [])
  const findings = experiment.findings(rows, settings)
  await folder.write('results.csv', csvOf(rows))
  for (const { name, svg } of findings.figures) await folder.write(`${name}.svg`, svgFile(svg))
  await folder.write('report.html', reportOf(experiment, findings, settings))
  yield { type: 'end', rows, report: join(folder.path, 'report.html'), csv: join(folder.path, 'results.csv') }
}

/** Something about every second until a promise is settled. */
async function* whileRunning(running: Promise<unknown>): AsyncGenerator<void, void> {
  let settled = false
  const end = running.then(
    () => (settled = true),
    () => (settled = true),
  )
  while (!settled) {
    const timer = new AbortController()
    await Promise.race([end, pause(TELLING, undefined, { signal: timer.signal }).catch(() => undefined)])
    timer.abort()
    if (!settled) yield
  }
}

/** The images; none for an experiment that needs none. */
async function checkedPictures({ name, needsData }: Experiment, data: string | undefined): Promise<Pictures> {
  if (!needsData) {
    if (data === undefined) return { classes: [], train: [], test: [] }
    throw mismatch('INVALID_OPTION', 'runExperiment.data', `nothing, because ${name} needs no images`, data)
  }
  if (data === undefined) {
    throw mismatch('INVALID_OPTION', 'runExperiment.data', 'a folder of images', 'nothing')
  }
  return listPictures(data)
}
