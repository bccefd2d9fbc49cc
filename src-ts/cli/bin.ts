#!/usr/bin/env node
/** Starts the `jpegnet` command, or says in a line why it cannot be started: on a machine without its addon nothing else loads. */
import('./main.js').catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
