// The program that is tried everywhere, in the forms that builders and runtimes take.
import { readFileSync } from 'node:fs'

export const text = name => readFileSync(new URL(`../programs/${name}`, import.meta.url), 'utf8')
export const required = program => program.replace(/^import (\{[^}]*\}) from ('.*')$/gm, 'const $1 = require($2)')

const END = `\ntryAll().then(console.log, error => {\n  console.error(error)\n  process.exitCode = 1\n})\n`

export const PROGRAM = text('program.mjs')
export const IMPORTS = PROGRAM + END
export const REQUIRES = required(IMPORTS)

/** A program whose types have to be taken off before it runs, and are no more than that. */
export const TYPED = `import type { Model } from 'jpegnet'\n${IMPORTS}\nexport const none: Model | undefined = undefined\n`

/** As a test of Jest or Vitest. */
export const TEST = `\ntest('all of it works', async () => console.log(await tryAll()), 120_000)\n`

/** What the program says when it has come to its end. */
export const DONE = /all of it works/
