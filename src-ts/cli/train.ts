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
    .description('train a network on JPEG files whose classes are known')
    .argument('<data>', DATA)
    .option(
      '--out <model>',
      'where to save the model, after every epoch (that of --resume; else a new file here, called as the data is)',
    )
    .addOption(forceOption())
    .addOption(new Option('--save-every <n>', 'steps after which to save besides').argParser(whole(1)))
    .option(
      '--test <data>',
      'what to test on after every epoch: as <data> (the folder val or test beside train, if <data> has one)',
    )
    .addOption(
      new Option('--split <x>', 'share of each class to test on rather than to learn, chosen by --seed').argParser(
        part,
      ),
    )
    .addOption(new Option('--model <name>', 'the network (chosen by the pictures)').choices(networkNames))
    .addOption(
      new Option(
        '--size <w×h>',
        "the network's width and height, or one number for both (chosen by the pictures)",
      ).argParser(size),
    )
    .addOption(new Option('--channels <n>', '1 for gray, 3 for colour (chosen by the pictures)').argParser(channels))
    .addOption(transformOption("chosen by the pictures; a resumed model's own"))
    .addOption(augmentOption())
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(new Option('--epochs <n>', 'passes over the data (chosen by their number)').argParser(whole(1)))
    .addOption(new Option('--batch-size <n>', 'pictures a batch (chosen by their number)').argParser(whole(1)))
    .addOption(new Option('--optimizer <name>', 'how gradients become updates (sgd)').choices(['adam', 'adamw', 'sgd']))
    .addOption(
      new Option(
        '--learning-rate <x>',
        'step size (adam 0.001, adamw 0.001, sgd 0.1; chosen if --optimizer is)',
      ).argParser(notNegative),
    )
    .addOption(new Option('--momentum <x>', 'velocity that sgd keeps (0.9)').argParser(momentum))
    .addOption(new Option('--weight-decay <x>', 'pull towards zero (chosen with the step size)').argParser(notNegative))
    .addOption(
      new Option('--schedule <name>', 'how the learning rate changes (one-cycle)').choices([
        'constant',
        'step',
        'cosine',
        'one-cycle',
      ]),
    )
  addTrainingOptions(command)
    .addOption(meanOption())
    .addOption(stdOption())
    .addOption(memoryOption())
    .addOption(availableMemoryOption())
    .option(
      '--log <file>',
      'a row an epoch (.csv), or also an object a step (.jsonl), as they happen; resuming adds to it',
    )
    .option(
      '--report <page>',
      'a page (.html) of curves, scores by class and the worst files, also of what was ended early',
    )
    .addOption(new Option('--seed <n>', 'where initial values and orders come from (0)').argParser(whole(0)))
    .option('--no-shuffle', 'take the pictures in the order of their names')
    .addOption(skipBadOption())
    .addOption(useDamagedOption())
    .addOption(limitsOption())
    .option(
      '--from <network>',
      'begin with a network that was trained before: a model, safetensors, a Keras model.json, a folder or an npm package ' +
        '(resnet50), whose head stays if it tells the same classes apart; none: with none (resnet50 for few photos, if it is installed)',
    )
    .addOption(
      new Option(
        '--preprocessing <name>',
        'how pictures are prepared for the Keras model that --from names (known of resnet50)',
      ).choices(PREPROCESSINGS),
    )
    .option(
      '--resume <model>',
      'go on from a model: where its training was saved if it was in one, else from its weights',
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
    page?.begin(model, sets, out)
    const tell = reporter(json, progress, sets, model.definition.input)
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

/** Reads the pictures; those of a split by the seed of the training, which a resumed one has from its checkpoint. */
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
