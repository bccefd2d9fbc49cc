/** Options of `jpegnet train` about how it trains, beside the optimizer and the schedule. */
import { InvalidArgumentError, Option, type Command } from 'commander'
import { mismatch } from '../errors.js'
import type { LayerGroup, TrainingState, TrainOptions } from '../index.js'
import { momentum as belowOne, names, notNegative, share, whole } from './arguments.js'

/** Their values. */
export interface TrainingArguments {
  accumulate?: number
  labelSmoothing?: number
  storage?: 'float32' | 'bfloat16'
  clipNorm?: number
  clipValue?: number
  freeze?: string[]
  freezeStatistics: boolean
  group?: LayerGroup[]
  average?: number
  keepBest: boolean
  patience?: number
  minDelta?: number
  stopMetric?: 'loss' | 'accuracy'
  restoreBest: boolean
}

/** Adds them to the command. */
export function addTrainingOptions(command: Command): Command {
  const option = (flags: string, description: string) => new Option(flags, description)
  return command
    .addOption(
      option('--accumulate <n>', 'gradient accumulation: batches for one optimizer update (default: 1)').argParser(
        whole(1),
      ),
    )
    .addOption(
      option(
        '--label-smoothing <x>',
        'label smoothing (default: 0.1; 0 where only a new last layer is trained)',
      ).argParser(share),
    )
    .addOption(
      option(
        '--storage <name>',
        'type in which feature maps are stored for the backward pass (default: float32)',
      ).choices(['float32', 'bfloat16']),
    )
    .addOption(
      option('--clip-norm <x>', 'clip the norm of all gradients together to x; 0: no clipping (default: 0)').argParser(
        notNegative,
      ),
    )
    .addOption(
      option('--clip-value <x>', 'clip every element of the gradients to ±x; 0: no clipping (default: 0)').argParser(
        notNegative,
      ),
    )
    .addOption(
      option(
        '--freeze <a,b,…>',
        'layers that are not trained: their paths, where layer1 includes all layers in it and * stands for any characters; or none (default: none; with --from and a new last layer, all others)',
      ).argParser(text => (text === 'none' ? [] : names(text))),
    )
    .option(
      '--no-freeze-statistics',
      'let frozen batch normalisations use and update batch statistics (default: they use their running statistics and keep them)',
    )
    .addOption(
      option(
        '--group <a,b,…:option=x,…>',
        'a learning rate (rate), a factor of the learning rate (factor) or a weight decay (decay) for some layers, as in fc:factor=10; can be given several times',
      ).argParser(group),
    )
    .addOption(
      option(
        '--average <x>',
        'keep a moving average of the weights with this decay, such as 0.999, and save it as the model; 0: no average (default: 0)',
      ).argParser(belowOne),
    )
    .option(
      '--no-keep-best',
      'save the weights of the last epoch instead of those of the epoch with the best test accuracy',
    )
    .addOption(
      option(
        '--patience <n>',
        'early stopping: stop after n epochs without improvement on the test set; 0: never (default: 0)',
      ).argParser(whole(0)),
    )
    .addOption(
      option(
        '--min-delta <x>',
        'with --patience: smallest change that counts as an improvement (default: 0)',
      ).argParser(notNegative),
    )
    .addOption(
      option('--stop-metric <name>', 'with --patience: what is compared (default: loss)').choices(['loss', 'accuracy']),
    )
    .option('--no-restore-best', 'with --patience: end with the weights of the last epoch instead of the best one')
}

/** The training's options of these arguments; what was not given is left to the checkpoint when resuming. */
export function trainingOptionsOf(
  given: TrainingArguments,
  { tested, resumed }: { tested: boolean; resumed: TrainingState | undefined },
): TrainOptions {
  const { accumulate, labelSmoothing, storage, freeze, freezeStatistics, group: groups, average } = given
  return {
    accumulate,
    labelSmoothing,
    storage,
    clip: clipOf(given),
    freeze,
    freezeStatistics: freezeStatistics ? undefined : false,
    groups,
    average: averageOf(average),
    keepBest: keepBestOf(given, tested, resumed),
    earlyStopping: earlyStoppingOf(given),
  }
}

function clipOf({ clipNorm: norm, clipValue: value }: TrainingArguments): TrainOptions['clip'] {
  if (norm === undefined && value === undefined) return undefined
  if (norm && value) throw mismatch('INVALID_OPTION', '--clip-value', 'nothing beside --clip-norm', `${value}`)
  if (norm) return { norm }
  return value ? { value } : false
}

function averageOf(decay: number | undefined): TrainOptions['average'] {
  if (decay === undefined) return undefined
  return decay > 0 && { decay }
}

/** With a test set the best weights are what is saved; a resumed training that had one does as before. */
function keepBestOf(
  { keepBest }: TrainingArguments,
  tested: boolean,
  resumed: TrainingState | undefined,
): TrainOptions['keepBest'] {
  if (!keepBest) return false
  if (!tested) return resumed?.settings.keepBest ? false : undefined
  return resumed?.history.some(({ test }) => test !== undefined) ? undefined : 'accuracy'
}

function earlyStoppingOf(given: TrainingArguments): TrainOptions['earlyStopping'] {
  const { patience, minDelta, stopMetric: metric, restoreBest } = given
  if (patience) return { patience, minDelta, metric, restoreBest }
  const [without] = [
    ...(minDelta === undefined ? [] : ['--min-delta']),
    ...(metric === undefined ? [] : ['--stop-metric']),
    ...(restoreBest ? [] : ['--no-restore-best']),
  ]
  if (without !== undefined) throw mismatch('INVALID_OPTION', without, '--patience with it', 'none')
  return patience === 0 ? false : undefined
}

/** `fc,layer4:factor=10,decay=0` and the groups before it. */
function group(text: string, before: LayerGroup[] = []): LayerGroup[] {
  const wrong = () =>
    new InvalidArgumentError(`Expected layers:rate=x,factor=x,decay=x with at least one of these, found ${text}.`)
  const [layers = '', options = '', ...rest] = text.split(':')
  if (layers === '' || options === '' || rest.length > 0) throw wrong()
  const values = options.split(',').map(entry => {
    const [name = '', value = ''] = entry.split('=')
    const key = KEYS[name.trim()]
    if (key === undefined) throw wrong()
    return [key, notNegative(value)] as const
  })
  return [...before, { layers: names(layers), ...Object.fromEntries(values) }]
}

const KEYS: Record<string, 'learningRate' | 'factor' | 'weightDecay' | undefined> = {
  rate: 'learningRate',
  factor: 'factor',
  decay: 'weightDecay',
}
