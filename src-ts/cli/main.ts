#!/usr/bin/env node
/** The `jpegnet` command. */
import { Command, CommanderError } from 'commander'
import { runtimeInfo } from '../index.js'
import { badFileAdvice } from './reading.js'
import { addCard } from './card.js'
import { addCoefficients } from './coefficients.js'
import { addConvert } from './convert.js'
import { addEvaluate } from './evaluate.js'
import { addExperiment } from './experiment.js'
import { addExplain } from './explain.js'
import { addExport } from './export.js'
import { checkOrder, withHint } from './hints.js'
import { addInspect } from './inspect.js'
import { addPredict } from './predict.js'
import { beQuiet, endWithReader, sayError, sayFailure } from './terminal.js'
import { addTrain } from './train.js'

// Commands inherit these settings, so they come before the commands.
const program = new Command('jpegnet')
  .description('Train and run residual networks directly on JPEG files, in the JPEG transform domain.')
  .option('-v, --version', 'print versions, instruction set and threads')
  .on('option:version', () => {
    process.stdout.write(`${version()}\n`)
    throw new CommanderError(0, 'commander.version', '')
  })
  .option('-q, --quiet', 'no progress and no remarks: results, warnings and errors only')
  .configureHelp({ showGlobalOptions: true })
  .configureOutput({
    outputError: text =>
      sayError(
        withHint(
          text
            .replace(/^error: /, '')
            .trim()
            .replace(/\s*\n\s*/g, ' '),
        ),
      ),
  })
  .exitOverride()
  .hook('preAction', async (program, command) => {
    if (program.opts<{ quiet?: boolean }>().quiet) beQuiet()
    // What the environment says wrongly is told by every command, whether it computes or not.
    runtimeInfo()
    await checkOrder(command)
  })

for (const add of [
  addInspect,
  addTrain,
  addEvaluate,
  addPredict,
  addConvert,
  addExport,
  addCard,
  addCoefficients,
  addExplain,
  addExperiment,
])
  add(program)

endWithReader()
try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCode(error)
}

/** 0 after help and version, 2 for a command line that makes no command, 1 with one line on stderr for all else that went wrong. */
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

function version(): string {
  const { version, isa, threads, libjpeg } = runtimeInfo()
  return `jpegnet ${version} (${isa}, ${threads} threads; ${libjpeg}; Node ${process.versions.node})`
}
