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
    .addOption(option('--accumulate <n>', 'batches whose gradients make one update (1)').argParser(whole(1)))
    .addOption(option('--label-smoothing <x>', 'share of the target that all classes have alike (0)').argParser(share))
    .addOption(
      option('--storage <name>', 'how maps are kept for the backward pass (float32)').choices(['float32', 'bfloat16']),
    )
    .addOption(option('--clip-norm <x>', 'largest norm of all gradients together (0: none)').argParser(notNegative))
    .addOption(option('--clip-value <x>', 'largest element of a gradient (0: none)').argParser(notNegative))
    .addOption(
      option(
        '--freeze <a,b,…>',
        'layers that stay as they are: paths, all below included; * stands for anything; or none (none; with --from, all but a new head)',
      ).argParser(text => (text === 'none' ? [] : names(text))),
    )
    .option('--no-freeze-statistics', 'let frozen batch normalisations normalise by each batch and follow it')
    .addOption(
      option(
        '--group <a,b,…:option=x,…>',
        'layers with a rate, factor (of the learning rate) or decay of their own; again for more groups',
      ).argParser(group),
    )
    .addOption(
      option('--average <x>', "decay of the weights' moving average, which is then the model (0: none)").argParser(
        belowOne,
      ),
    )
    .option('--no-keep-best', 'save the last weights rather than those that did best on the test set')
    .addOption(
      option('--patience <n>', 'epochs that may not get better on the test set (0: any number)').argParser(whole(0)),
    )
    .addOption(option('--min-delta <x>', 'by how much better is better, with --patience (0)').argParser(notNegative))
    .addOption(option('--stop-metric <name>', 'what --patience looks at (loss)').choices(['loss', 'accuracy']))
    .option('--no-restore-best', 'end with the last weights rather than the best, with --patience')
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
