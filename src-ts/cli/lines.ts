/** Paths on stdin, and answers on stdout, neither faster than the other end can. */
import { once } from 'node:events'
import { mismatch } from '../errors.js'
import { shown } from '../options.js'
import { visible } from './terminal.js'

/** Most characters of a path on stdin: the longest that a system takes. */
const LONGEST = 32_767

/**
 * The paths that stdin gives, each as soon as it is there, on lines or with a NUL after each; empty ones are passed over.
 *
 * @throws ModelError `FILE_UNREADABLE` if stdin cannot be read; `INVALID_OPTION` at one that is too long to be a path
 */
export async function* pathsOnStdin(nul: boolean): AsyncGenerator<string, void> {
  const end = nul ? '\0' : '\n'
  let rest = ''
  for await (const text of textOnStdin()) {
    const paths = (rest + text).split(end)
    rest = paths.pop() as string
    for (const path of paths) yield* whole(path, nul)
    if (rest.length > LONGEST) throw tooLong(rest)
  }
  yield* whole(rest, nul)
}

/** A path without the end that a line has on Windows. */
function* whole(text: string, nul: boolean): Generator<string, void> {
  const path = nul ? text : text.replace(/\r$/, '')
  if (path.length > LONGEST) throw tooLong(path)
  if (path !== '') yield path
}

function tooLong(path: string) {
  return mismatch('INVALID_OPTION', 'stdin', `paths of at most ${LONGEST} characters`, shown(path))
}

async function* textOnStdin(): AsyncGenerator<string, void> {
  process.stdin.setEncoding('utf8')
  try {
    for await (const text of process.stdin) yield text as string
  } catch (error) {
    throw mismatch('FILE_UNREADABLE', 'stdin', 'paths', error instanceof Error ? error.message : String(error))
  }
}

/** Writes a line of a result, and waits if whoever reads has not read what came before. */
export async function printLine(text: string): Promise<void> {
  await write(visible(text))
}

/** Writes a row for a program to read: as it is, unless it is a terminal that reads it. */
export async function printRow(text: string): Promise<void> {
  await write(process.stdout.isTTY ? visible(text) : text)
}

async function write(line: string): Promise<void> {
  if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
}
