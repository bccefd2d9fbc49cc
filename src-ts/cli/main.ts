#!/usr/bin/env node
/** The `jpegnet` command. */
import { CommanderError } from 'commander'
import { runtimeInfo } from '../index.js'
import { checkModel } from './hints.js'
import { createProgram } from './program.js'
import { badFileAdvice } from './reading.js'
import { beQuiet, endWithReader, sayFailure } from './terminal.js'

const program = createProgram().hook('preAction', async (program, command) => {
  if (program.opts<{ quiet?: boolean }>().quiet) beQuiet()
  // Wrong environment variables are reported by every command, whether it computes or not.
  runtimeInfo()
  await checkModel(command)
})

endWithReader()
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCode(error)
}

/** 0 after help and version, 2 for a command line that cannot be parsed, 1 with one line on stderr for all else that went wrong. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0
    return error.code === 'commander.invalidArgument' ? 1 : 2
  }
  sayFailure(
    error,
    badFileAdvice(
      error,
      program.commands.find(command => command.name() === program.args[0]),
    ),
  )
  return 1
}
