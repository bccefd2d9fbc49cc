/** Finds the addon for this platform: beside this file or its bundle, or in the package that npm installs for it. */
import { readFileSync } from 'node:fs'
import * as modules from 'node:module'
import { resolve } from 'node:path'
import type * as Binding from '#binding'
import { ModelError } from '../errors.js'
import { origins } from './origins.js'

/** Where the addon may lie beside this file: in a bundle, in the package's `dist`, in the sources. */
const BESIDE = ['./', './native/', '../../dist/native/']

/** Platforms that there is an addon for, by Node's names of them; of Linux, with each C library. */
const PLATFORMS: Record<string, readonly string[]> = {
  'darwin-arm64': ['darwin-arm64'],
  'darwin-x64': ['darwin-x64'],
  'linux-arm64': ['linux-arm64-gnu', 'linux-arm64-musl'],
  'linux-x64': ['linux-x64-gnu', 'linux-x64-musl'],
  'win32-arm64': ['win32-arm64-msvc'],
  'win32-x64': ['win32-x64-msvc'],
}

/** Both C libraries' addons are tried, because either may be wrong: the one of this system first. */
function names(): readonly string[] {
  const found = PLATFORMS[`${process.platform}-${process.arch}`] ?? []
  return found.length > 1 && isMusl() ? found.toReversed() : found
}

function isMusl(): boolean {
  try {
    return readFileSync('/usr/bin/ldd', 'latin1').includes('musl')
  } catch {
    const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined
    return report !== undefined && !report.header?.glibcVersionRuntime
  }
}

/** @throws ModelError `NO_ADDON` */
function load(): typeof Binding {
  const given = process.env['JPEGNET_ADDON']
  // Bundlers leave this alone: nothing is named by a literal, and webpack knows createRequire by its own name only.
  const requires = origins().map(origin => modules.createRequire(origin))
  const candidates = given
    ? [resolve(given)]
    : names().flatMap(name => [...BESIDE.map(folder => `${folder}jpegnet.${name}.node`), `jpegnet-${name}`])
  let cause: unknown
  for (const candidate of candidates) {
    for (const require of requires) {
      let path
      try {
        path = require.resolve(candidate)
      } catch {
        continue
      }
      try {
        return require(path) as typeof Binding
      } catch (error) {
        cause ??= error
      }
    }
  }
  throw notLoaded(given, cause)
}

function notLoaded(given: string | undefined, cause: unknown): ModelError {
  const system = `${process.platform}-${process.arch}`
  const [name] = names()
  if (given === undefined && name === undefined) {
    return failure('jpegnet', `one of the platforms ${Object.keys(PLATFORMS).join(', ')}`, system)
  }
  const found =
    cause instanceof Error
      ? `one that does not load (${cause.message})`
      : given === undefined
        ? 'none: install jpegnet again on this machine, with optional packages (npm install --include=optional jpegnet)'
        : 'no such file'
  return failure(given ?? `jpegnet-${name}`, `the addon for ${system}`, found, cause)
}

function failure(path: string, expected: string, found: string, cause?: unknown): ModelError {
  return new ModelError('NO_ADDON', `${path}: expected ${expected}, found ${found}`, { path, expected, found, cause })
}

export const binding = load()
