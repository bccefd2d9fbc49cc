/** The folder of an experiment: what it is of, and the parts that are done. */
import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import * as z from 'zod'
import { mismatch } from '../errors.js'
import { lockFile, writeWhole } from '../files.js'
import type { Row, Settings } from './experiment.js'

const ABOUT = 'experiment.json'
const DONE = 'parts.jsonl'

const aboutSchema = z.object({
  experiment: z.string(),
  data: z.string().nullable(),
  seeds: z.int(),
  epochs: z.int(),
  quick: z.boolean(),
})

const partSchema = z.object({
  key: z.string(),
  seconds: z.number(),
  rows: z.array(z.record(z.string(), z.union([z.string(), z.number()]))),
})

/** A part that is done. */
export interface DonePart {
  key: string
  seconds: number
  rows: Row[]
}

/** Results on disk: parts are added as they are done, and a run that was interrupted finds them again. */
export class ResultsFolder {
  readonly path: string
  readonly #unlock: () => void

  /** @throws ModelError `BUSY` if another run is in it */
  private constructor(path: string) {
    this.path = path
    this.#unlock = lockFile(join(path, ABOUT))
  }

  /**
   * The folder of an experiment, made if it is not there.
   *
   * @throws ModelError `INVALID_OPTION` if it holds another experiment's results, other settings' or other files;
   *   `BUSY` if another run is in it; `WRITE_FAILED` if it cannot be made
   */
  static async open(
    path: string,
    experiment: string,
    { data, seeds, epochs, quick }: Settings,
  ): Promise<ResultsFolder> {
    const about = { experiment, data: data === undefined ? null : resolve(data), seeds, epochs, quick }
    const write = (folder: ResultsFolder) => folder.write(ABOUT, `${JSON.stringify(about, undefined, 2)}\n`)
    const make = (folder: string) =>
      mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') throw mismatch('WRITE_FAILED', folder, 'a folder', 'a file')
        throw mismatch('WRITE_FAILED', folder, 'to make the folder', error.message)
      })
    await make(path)
    const text = await readFile(join(path, ABOUT), 'utf8').catch(() => undefined)
    if (text === undefined) {
      const others = (await readdir(path)).filter(name => name !== 'models' && !name.endsWith('.lock'))
      if (others.length > 0) {
        throw mismatch('INVALID_OPTION', path, 'an empty folder, or one of this experiment', `${others[0]} in it`)
      }
      const folder = new ResultsFolder(path)
      await write(folder)
      await make(join(path, 'models'))
      return folder
    }
    const found = aboutSchema.safeParse(parsed(text))
    if (!found.success) throw mismatch('INVALID_OPTION', path, 'the folder of an experiment', `another ${ABOUT}`)
    for (const key of ['experiment', 'data', 'seeds', 'epochs', 'quick'] as const) {
      // Results of fewer seeds are the first part of those of more.
      if (key === 'seeds' ? found.data.seeds > seeds : found.data[key] !== about[key]) {
        const said = `results of ${key} ${String(found.data[key])}`
        throw mismatch('INVALID_OPTION', path, `a folder for ${key} ${String(about[key])}`, said)
      }
    }
    const folder = new ResultsFolder(path)
    if (found.data.seeds < seeds) await write(folder)
    await make(join(path, 'models'))
    return folder
  }

  /** Lets others run in it. */
  close(): void {
    this.#unlock()
  }

  /** The parts that are done. A line that a killed process left half is not one. */
  async done(): Promise<DonePart[]> {
    const text = await readFile(join(this.path, DONE), 'utf8').catch(() => '')
    return text.split('\n').flatMap(line => {
      const part = partSchema.safeParse(parsed(line))
      return part.success ? [part.data] : []
    })
  }

  /** Keeps a part. */
  async add(part: DonePart): Promise<void> {
    // A line begins anew after whatever a killed process left.
    await appendFile(join(this.path, DONE), `\n${JSON.stringify(part)}\n`).catch((error: Error) => {
      throw mismatch('WRITE_FAILED', join(this.path, DONE), 'to write the file', error.message)
    })
  }

  /** Writes a file of the folder, whole or not at all. */
  async write(name: string, text: string): Promise<void> {
    await writeWhole(join(this.path, name), text)
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
