// Where the package is tried. `core` is what every run tries; the rest needs `--all`.
import { builders } from './entries/builders.mjs'
import { managers } from './entries/managers.mjs'
import { next } from './entries/next.mjs'
import { runtimes } from './entries/runtimes.mjs'
import { tests } from './entries/tests.mjs'
import { types } from './entries/types.mjs'

/** @type {import('./entries/entry.d.ts').Entry[]} */
export const entries = [...runtimes, ...types, ...builders, ...tests, ...next, ...managers]
