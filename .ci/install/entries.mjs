// Where the package is tried. `core` is what every run tries; the rest needs `--all`.
import { builders } from './entries/builders.mjs'
import { managers } from './entries/managers.mjs'
import { next } from './entries/next.mjs'
import { runtimes } from './entries/runtimes.mjs'
import { tests } from './entries/tests.mjs'
import { types } from './entries/types.mjs'

/**
 * `packages` are installed beside jpegnet, `files` are in the project, `installed` is what follows `npm install`; `run` says what came
 * of it, or nothing.
 *
 * @typedef {{ name: string, core?: boolean, packages?: Record<string, string>, files?: Record<string, string>, installed?: string, run: (tools: object) => Promise<string | void> }} Entry
 */

/** @type {Entry[]} */
export const entries = [...runtimes, ...types, ...builders, ...tests, ...next, ...managers]
