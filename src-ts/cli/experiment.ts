import { Option, type Command } from 'commander'
import { experimentNames, ModelError, runExperiment } from '../index.js'
import { examples, whole } from './arguments.js'
import { abortOnInterrupt, exitCodeOf } from './interrupt.js'
import { duration, Progress, say, warn } from './terminal.js'

/** `jpegnet experiment NAME --out DIR` */
export function addExperiment(program: Command): void {
  program
    .command('experiment')
    .description("run one of the paper's experiments, or continue an interrupted one, and plot its results")
    .argument('<name>', experimentNames.join(', '))
    .requiredOption(
      '--out <folder>',
      'folder for the results: a new one, or that of an interrupted run of the same experiment',
    )
    .option(
      '--data <folder>',
      'data set: a folder with folders train and test that each have one folder for each class, or with one folder for each class',
    )
    .addOption(
      new Option(
        '--seeds <n>',
        'number of seeds, each with its own training or samples (default: 3; 1 with --quick)',
      ).argParser(whole(1, 100)),
    )
    .addOption(
      new Option('--epochs <n>', 'epochs of each training (default: 10; 3 with --quick)').argParser(whole(1, 1000)),
    )
    .option('--quick', 'a small run, to see that it works')
    .addHelpText(
      'after',
      examples(
        'jpegnet experiment relu-blocks --out results/relu-blocks',
        'jpegnet experiment frequencies-converted --data cifar10 --out results/frequencies --quick',
      ),
    )
    .action(async (name: string, options: ExperimentArguments) => {
      const [signal, stopListening] = abortOnInterrupt('after this part, or this step of a training')
      const progress = new Progress()
      try {
        for await (const event of runExperiment(name, { ...options, signal })) {
          if (event.type !== 'end') {
            // First, because a narrow terminal shows the beginning.
            const left = event.secondsLeft === undefined ? '' : `about ${duration(event.secondsLeft)} left, `
            progress.show(name, Math.floor((100 * event.done) / event.total), 100, left + event.title)
          } else {
            progress.clear()
            say(`wrote ${event.csv} and ${event.report}`)
          }
        }
      } catch (error) {
        progress.clear()
        if (!(error instanceof ModelError && error.code === 'ABORTED')) throw error
        warn(`stopped; the same command goes on from what is in ${options.out}`)
        process.exitCode = exitCodeOf(signal)
      } finally {
        progress.clear()
        stopListening()
      }
    })
}

interface ExperimentArguments {
  out: string
  data?: string
  seeds?: number
  epochs?: number
  quick?: boolean
}
