#!/usr/bin/env node
/** The `jpegnet` command. */
import { Command, CommanderError } from 'commander'
import { ModelError } from '../errors.js'
import { runtimeInfo } from '../index.js'
import { addConvert } from './convert.js'
import { addEvaluate } from './evaluate.js'
import { addExport } from './export.js'
import { addInspect } from './inspect.js'
import { addPredict } from './predict.js'
import { addTrain } from './train.js'

const program = new Command('jpegnet')
  .description('Train and run residual networks directly on JPEG files, in the JPEG transform domain.')
  .version(version(), '-v, --version', 'print versions, instruction set and threads')

for (const add of [addInspect, addTrain, addEvaluate, addPredict, addConvert, addExport]) add(program)
program.commands.forEach(command => command.exitOverride())
program.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCode(error)
}

/** 0 after help, 1 with one line on stderr for everything that went wrong. */
function exitCode(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 1
  const message = error instanceof Error ? error.message : String(error)
  process.stderr.write(`jpegnet: ${message}\n`)
  if (process.env['JPEGNET_DEBUG'] && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  if (!(error instanceof ModelError)) process.stderr.write('This is a bug in jpegnet; JPEGNET_DEBUG=1 shows where.\n')
  return 1
}

function version(): string {
  try {
    const { version, isa, threads, libjpeg } = runtimeInfo()
    return `jpegnet ${version} (${isa}, ${threads} threads; ${libjpeg}; Node ${process.versions.node})`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
