/** The `jpegnet` command line: every command with its arguments and options. */
import { Command, CommanderError } from 'commander'
import { runtimeInfo } from '../index.js'
import { addCard } from './card.js'
import { addCoefficients } from './coefficients.js'
import { addConvert } from './convert.js'
import { addEvaluate } from './evaluate.js'
import { addExperiment } from './experiment.js'
import { addExplain } from './explain.js'
import { addExport } from './export.js'
import { withHint } from './hints.js'
import { addInspect } from './inspect.js'
import { addPredict } from './predict.js'
import { sayError } from './terminal.js'
import { addTrain } from './train.js'

/** A program that throws a `CommanderError` where the command line is wrong, instead of ending the process. */
export function createProgram(): Command {
  // Commands inherit these settings, so they come before the commands.
  const program = new Command('jpegnet')
    .description('Train convolutional networks on folders of JPEG files, and classify JPEG files with them.')
    .option('-v, --version', 'print versions, instruction set and threads')
    .on('option:version', () => {
      process.stdout.write(`${version()}\n`)
      throw new CommanderError(0, 'commander.version', '')
    })
    .option('-q, --quiet', 'print results, warnings and errors only: no progress, no remarks')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      outputError: text =>
        sayError(
          withHint(
            text
              .replace(/^error: /, '')
              .trim()
              .replace(/\s*\n\s*/g, ' '),
            program.commands,
          ),
        ),
    })
    .exitOverride()
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
  return program
}

function version(): string {
  const { version, isa, threads, libjpeg } = runtimeInfo()
  return `jpegnet ${version} (${isa}, ${threads} threads; ${libjpeg}; Node ${process.versions.node})`
}
