/** What it takes to repeat what a page tells of. */
import { cpus } from 'node:os'
import type { InputDefinition } from '../model/definition.js'
import { runtimeInfo } from '../runtime.js'
import type { TrainSettings } from '../train/settings.js'
import type { Fact } from './html.js'

/** The images that a network sees. */
export function inputText({ channels, height, width }: InputDefinition): string {
  return `images of ${width}×${height}, ${channels === 1 ? 'gray' : 'in colour'}`
}

/** Versions, processor, date, and the command line if there is one. */
export function whereItRan(command: string | undefined): Fact[] {
  const { isa, threads, version, libjpeg } = runtimeInfo()
  const { node } = process.versions
  return [
    ...(command === undefined ? [] : [['command', command] as Fact]),
    [
      'date',
      new Date()
        .toISOString()
        .replace(/\.\d+Z$/, ' UTC')
        .replace('T', ' '),
    ],
    ['versions', `jpegnet ${version}, ${libjpeg}, Node ${node}, ${process.platform} ${process.arch}`],
    ['processor', `${cpus()[0]?.model.trim() ?? 'unknown'}, ${isa}, ${threads} threads`],
  ]
}

/** What a training's settings are, in lines. */
export function settingsFacts(settings: TrainSettings): Fact[] {
  const { epochs, batchSize, seed, optimizer, schedule } = settings
  return [
    ['epochs, batch size, seed', `${epochs}, ${batchSize}, ${seed}`],
    ['optimizer', described(optimizer)],
    ['schedule', described(schedule)],
    ...ways(settings).map((way): Fact => ['and', way]),
  ]
}

/** What a training did beside its optimizer and schedule, each as a phrase. */
function ways(settings: TrainSettings): string[] {
  const { accumulate, augment, mix, labelSmoothing, clip, freeze, groups, average, earlyStopping, shuffle, storage } =
    settings
  return [
    ...(augment.length > 0 ? [`augmented by ${augment.map(described).join('; ')}`] : []),
    ...(mix.length > 0 ? [`mixed by ${mix.map(described).join('; ')}`] : []),
    ...(accumulate > 1 ? [`${accumulate} batches a step`] : []),
    ...(labelSmoothing > 0 ? [`labels smoothed by ${labelSmoothing}`] : []),
    ...(clip ? [`gradients clipped by ${clip.norm === undefined ? `value ${clip.value}` : `norm ${clip.norm}`}`] : []),
    ...(freeze.length > 0 ? [`frozen: ${freeze.join(', ')}`] : []),
    ...groups.map(({ layers, ...rates }) => described({ type: layers.join(', '), ...rates })),
    ...(average ? [`weights averaged, decay ${average.decay}`] : []),
    ...(earlyStopping ? [`stopping early, patience ${earlyStopping.patience}, by ${earlyStopping.metric}`] : []),
    ...(shuffle ? [] : ['not shuffled']),
    ...(storage === 'float32' ? [] : [`maps stored as ${storage}`]),
  ]
}

/** A type and its options. */
export function described({ type, ...options }: { type: string }): string {
  const text = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value))
  return [type, ...Object.entries(options).map(([name, value]) => `${name} ${text(value)}`)].join(', ')
}
