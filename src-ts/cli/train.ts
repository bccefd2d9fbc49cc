import { isDeepStrictEqual } from 'node:util'
import { Option, type Command } from 'commander'
import { ModelError, mismatch } from '../errors.js'
import {
  adam,
  adamW,
  constant,
  cosine,
  createModel,
  inspectJpeg,
  jpegFolder,
  loadModel,
  oneCycle,
  sgd,
  step,
  type CheckpointEvent,
  type JpegInspection,
  type Model,
  type OnBadFile,
  type Optimizer,
  type Schedule,
  type StartEvent,
  type StopEvent,
  type TrainEvent,
  type TrainOptions,
} from '../index.js'
import { listFolder } from '../data/folder.js'
import {
  examples,
  frequenciesOption,
  jsonOption,
  maskingOption,
  modeOf,
  meanOption,
  memoryOption,
  modeOption,
  momentum,
  notNegative,
  onErrorOf,
  skipBadOption,
  stdOption,
  useDamagedOption,
  whole,
  type BadFileOptions,
  type SharedOptions,
} from './arguments.js'
import { modelNames, namedModel } from './models.js'
import { addTrainingOptions, trainingOptionsOf, type TrainingArguments } from './trainingOptions.js'
import { Progress, count, percent, printResult, say, warn, warnOfDamaged, warnSkipped } from './terminal.js'

/** `jpegnet train DIR --out MODEL` */
export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .description('train a network on a folder with a folder of JPEG files for each class')
    .argument('<dir>', 'the folder')
    .requiredOption('--out <model>', 'where to save the model, after every epoch')
    .addOption(new Option('--save-every <n>', 'steps after which to save besides').argParser(whole(1)))
    .option('--test <dir>', 'a folder to test on after every epoch')
    .addOption(new Option('--model <name>', 'the network (paper unless resumed)').choices(modelNames))
    .addOption(modeOption())
    .addOption(frequenciesOption())
    .addOption(maskingOption())
    .addOption(new Option('--epochs <n>', 'passes over the data (10)').argParser(whole(1)))
    .addOption(new Option('--batch-size <n>', 'pictures a batch (64)').argParser(whole(1)))
    .addOption(
      new Option('--optimizer <name>', 'how gradients become updates (adam)').choices(['adam', 'adamw', 'sgd']),
    )
    .addOption(new Option('--learning-rate <x>', 'step size (adam 0.001, sgd 0.1)').argParser(notNegative))
    .addOption(new Option('--momentum <x>', 'velocity that sgd keeps (0.9)').argParser(momentum))
    .addOption(new Option('--weight-decay <x>', 'pull towards zero (0)').argParser(notNegative))
    .addOption(
      new Option('--schedule <name>', 'how the learning rate changes (constant)').choices([
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
    .addOption(new Option('--seed <n>', 'where initial values and orders come from (0)').argParser(whole(0)))
    .option('--no-shuffle', 'take the pictures in the order of their names')
    .addOption(skipBadOption())
    .addOption(useDamagedOption())
    .option(
      '--resume <model>',
      'go on from a model: where its training was saved if it was in one, else from its weights',
    )
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'jpegnet train photos/train --test photos/test --epochs 20 --schedule one-cycle --out photos.model',
        'jpegnet train photos/train --memory 2GB --out photos.model',
        'jpegnet train photos/train --resume photos.model --epochs 30 --out longer.model',
        'jpegnet train photos/train --freeze conv1,layer1 --group fc:factor=10 --average 0.999 --out photos.model',
      ),
    )
    .action(runTrain)
}

interface TrainArguments extends SharedOptions, TrainingArguments, BadFileOptions {
  out: string
  saveEvery?: number
  test?: string
  model?: string
  epochs?: number
  batchSize?: number
  optimizer?: 'adam' | 'adamw' | 'sgd'
  learningRate?: number
  momentum?: number
  weightDecay?: number
  schedule?: 'constant' | 'step' | 'cosine' | 'one-cycle'
  seed?: number
  memory?: number
  shuffle: boolean
  resume?: string
}

async function runTrain(directory: string, options: TrainArguments): Promise<void> {
  const { out, saveEvery, test, json = false } = options
  const folder = (path: string) => jpegFolder(path, { onError: onErrorOf(options) })
  const model = await modelToTrain(directory, options)
  const [abort, stopListening] = abortOnInterrupt()
  const progress = new Progress()
  const tell = reporter(json, progress)
  let saved: CheckpointEvent | undefined
  let stopped: StopEvent['reason'] | undefined
  try {
    const training = { ...trainOptions(options), ...(test !== undefined && { test: folder(test) }) }
    for await (const event of model.train(folder(directory), {
      ...training,
      checkpoint: { path: out, everySteps: saveEvery },
      signal: abort,
    })) {
      tell(event)
      if (event.type === 'checkpoint') saved = event
      if (event.type === 'stop') stopped = event.reason
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
    if (!(error instanceof ModelError && error.code === 'ABORTED')) throw error
    warn(
      saved === undefined
        ? 'stopped before an epoch ended; nothing was saved'
        : `stopped; ${out} holds the model ${placeOf(saved)}; go on with the same command and --resume ${out}`,
    )
    process.exitCode = 130
  } finally {
    stopListening()
  }
}

/** A new model for the folder's pictures, or the one to resume. */
async function modelToTrain(directory: string, options: TrainArguments): Promise<Model> {
  if (options.resume !== undefined) return modelToResume(options.resume, options)
  const { classes, files } = await listFolder(directory)
  if (classes.length < 2)
    throw mismatch('NO_CLASSES', directory, 'folders of at least two classes', `one, ${classes[0]}`)
  const { width, height, colour } = await firstPicture(files, onErrorOf(options))
  const channels = colour === 'gray' ? 1 : 3
  const { model = 'paper', mean, std, seed } = options
  const shape = { classes: classes.length, channels, width, height }
  const normalisation = { mean: forChannels(mean, channels, '--mean'), std: forChannels(std, channels, '--std') }
  return createModel(namedModel(model, { ...shape, ...normalisation, ...modeOf(options) }), { seed, labels: classes })
}

/** The model of that file; what was said of it beside its masking must be so. */
async function modelToResume(path: string, options: TrainArguments): Promise<Model> {
  const model = await loadModel(path, modeOf(options))
  const { name, input } = model.definition
  const agree = (option: string, its: unknown, given: unknown) => {
    if (given === undefined || isDeepStrictEqual(given, its)) return
    throw mismatch('INVALID_OPTION', option, `${String(its)}, as ${path} has it`, String(given))
  }
  agree('--model', name, options.model)
  agree('--mean', input.mean, forChannels(options.mean, input.channels, '--mean'))
  agree('--std', input.std, forChannels(options.std, input.channels, '--std'))
  return model
}

/** The first file that can be read: its size and colour are the network's. */
async function firstPicture(files: readonly string[], onError: OnBadFile): Promise<JpegInspection> {
  let failure: unknown
  for (const file of files) {
    try {
      return await inspectJpeg(file, { onError: onError === 'use' ? 'use' : 'error' })
    } catch (error) {
      failure ??= error
    }
  }
  throw failure
}

function forChannels(values: number[] | undefined, channels: number, option: string): number[] | undefined {
  if (values === undefined || values.length === channels) return values
  if (values.length === 1) return Array<number>(channels).fill(values[0] as number)
  throw mismatch('INVALID_OPTION', option, `one number, because the pictures are gray`, `${values.length}`)
}

function trainOptions(options: TrainArguments): TrainOptions {
  const { epochs, batchSize, seed, memory, schedule, resume } = options
  return {
    epochs,
    batchSize,
    seed,
    memory,
    optimizer: optimizerOf(options),
    schedule: schedule && scheduleOf(schedule),
    ...trainingOptionsOf(options),
    // Left to the checkpoint when resuming, unless the option was given.
    shuffle: options.shuffle ? undefined : false,
    resume: resume !== undefined,
  }
}

function optimizerOf({ optimizer, learningRate, momentum, weightDecay }: TrainArguments): Optimizer | undefined {
  if (optimizer === undefined && [learningRate, momentum, weightDecay].every(value => value === undefined))
    return undefined
  if (optimizer === 'sgd') return sgd({ learningRate, momentum, weightDecay })
  if (momentum !== undefined) throw mismatch('INVALID_OPTION', '--momentum', '--optimizer sgd', optimizer ?? 'adam')
  return (optimizer === 'adamw' ? adamW : adam)({ learningRate, weightDecay })
}

function scheduleOf(name: 'constant' | 'step' | 'cosine' | 'one-cycle'): Schedule {
  const schedules = { constant, cosine, 'one-cycle': oneCycle, step: () => step({ every: 30 }) }
  return schedules[name]()
}

function placeOf({ epoch, step, images }: CheckpointEvent): string {
  return images === 0 ? `after epoch ${epoch}` : `after step ${step}, in epoch ${epoch + 1}`
}

/** The first Ctrl-C ends the training after its step; the second finds no listener and ends the process at once. */
function abortOnInterrupt(): [AbortSignal, () => void] {
  const controller = new AbortController()
  const stopListening = () => process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  const interrupt = () => {
    // An exit would wait for the step on its worker thread, which a signal left to the system does not.
    stopListening()
    warn('stopping after this step; Ctrl-C again to stop at once')
    controller.abort()
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  return [controller.signal, stopListening]
}

function inMemory({ images, imagesInMemory, dataBytes }: StartEvent): string {
  if (imagesInMemory === images) return `${count(images)} images in memory, ${count(dataBytes / images)} bytes each`
  return `${count(imagesInMemory)} of ${count(images)} images in memory, ${count(dataBytes)} bytes; the others are read again`
}

/** Tells a person, or a program, what a training does. */
function reporter(json: boolean, progress: Progress): (event: TrainEvent) => void {
  let stepsPerEpoch = 0
  return event => {
    switch (event.type) {
      case 'data':
        progress.show(`reading ${event.set} files`, event.done, event.total)
        break
      case 'start': {
        progress.clear()
        say(inMemory(event))
        if (event.stepsDone > 0) {
          say(`going on after step ${event.stepsDone}, with ${event.epochsDone} of ${event.epochs} epochs done`)
        }
        event.changed.forEach(change => say(`changed since the checkpoint: ${change}`))
        warnSkipped(event.skipped)
        warnOfDamaged(event.warned)
        if (json) {
          printResult(true, { ...event, skipped: event.skipped.length, warned: event.warned.length }, '')
        }
        stepsPerEpoch = event.stepsPerEpoch
        break
      }
      case 'step': {
        const note = `loss ${event.loss.toFixed(4)}  accuracy ${percent(event.accuracy)}`
        progress.show(`epoch ${event.epoch}`, event.step, stepsPerEpoch, note)
        break
      }
      case 'epoch': {
        progress.clear()
        const { test, ...epoch } = event
        const tested = test && { images: test.images, correct: test.correct, accuracy: test.accuracy, loss: test.loss }
        const onTest = test ? `, test ${percent(test.accuracy)}` : ''
        const rate = `${count(event.imagesPerSecond)} images/s`
        const text = `epoch ${event.epoch}: loss ${event.loss.toFixed(4)}, accuracy ${percent(event.accuracy)}${onTest}, ${rate}`
        printResult(json, { ...epoch, ...(tested && { test: tested }) }, text)
        break
      }
      case 'stop': {
        const { reason, epoch, metric, best, restored } = event
        const why =
          reason === 'epochs'
            ? 'all epochs are done'
            : `the test ${metric} got no better for ${epoch - best.epoch} epochs`
        const value = metric === 'loss' ? best.value.toFixed(4) : percent(best.value)
        const kept = restored ? "its weights are the model's now" : 'the last weights are kept'
        printResult(
          json,
          event,
          `stopped after epoch ${epoch}: ${why}; the best, ${value}, was in epoch ${best.epoch}; ${kept}`,
        )
        break
      }
      case 'checkpoint':
        if (json) printResult(true, event, '')
        break
    }
  }
}
