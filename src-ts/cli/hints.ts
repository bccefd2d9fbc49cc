/** What a command line that makes no sense here is likely to have meant. */
import type { Command } from 'commander'
import { kindOf } from '../convert/networkFile.js'
import { knownPackage } from '../convert/packaged.js'
import { mismatch } from '../errors.js'
import { existingFile } from './existing.js'

/** Options as other programs call them. */
const OTHER_NAMES: Record<string, string> = {
  '--lr': '--learning-rate',
  '--wd': '--weight-decay',
  '--batch': '--batch-size',
  '--bs': '--batch-size',
  '-b': '--batch-size',
  '-e': '--epochs',
  '-o': '--out',
  '--output': '--out',
  '--save': '--out',
  '-f': '--force',
  '-y': '--force',
  '--overwrite': '--force',
  '--val': '--test',
  '--valid': '--test',
  '--validation': '--test',
  '--validation-split': '--split',
  '--arch': '--model',
  '--network': '--model',
  '--image-size': '--size',
  '--img-size': '--size',
  '--imgsz': '--size',
  '--pretrained': '--from',
  '--weights': '--from',
  '--checkpoint': '--resume',
  '--continue': '--resume',
  '--topk': '--top',
  '--top-k': '--top',
}

/** Where a model goes that is named to a command of something else. */
const FOR_MODELS: Record<string, string> = {
  train: 'a model to start from is given with --from, one to resume with --resume',
  inspect: 'jpegnet card describes a model',
  coefficients: 'jpegnet card describes a model',
}

/** The sentence of a command line that makes no command, with what an option is called here and what a command takes. */
export function withHint(text: string, commands: readonly Command[]): string {
  const [, name] = /^too many arguments for '(\w+)'/.exec(text) ?? []
  const command = commands.find(command => command.name() === name)
  if (command) {
    const more = FOR_MODELS[command.name()]
    return `${text} (${orderOf(command)}${more === undefined ? '' : `; ${more}`})`
  }
  const [, option = ''] = /unknown option '([^'=]+)/.exec(text) ?? []
  const own = OTHER_NAMES[option]
  return own === undefined || text.includes('Did you mean') ? text : `${text} (Did you mean ${own}?)`
}

/**
 * Refuses what stands where a model should: the images, with the model after them or without one, and the name of a network that first
 * has to be made a model; and a model that stands where none is meant.
 *
 * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`
 */
export async function checkModel(command: Command): Promise<void> {
  const { registeredArguments: expected, args } = command
  const [first, ...others] = args
  if (first === undefined) return
  const { kind, words } = await existingFile(first)
  if (expected[0]?.name() !== 'model') {
    const instead = FOR_MODELS[command.name()]
    if (kind !== 'model' || instead === undefined) return
    throw mismatch('INVALID_OPTION', first, `${expected[0]?.name()}, as in ${orderOf(command)} (${instead})`, words)
  }
  if (kind === 'model') return
  if ((await kindOf(first)) === undefined && knownPackage(first) !== undefined) {
    const found = `none; it is made by: jpegnet convert ${first} --out ${first}.model`
    throw mismatch('FILE_NOT_FOUND', first, 'a model that jpegnet saved', found)
  }
  for (const other of others) {
    if ((await existingFile(other)).kind !== 'model') continue
    const names = expected.map(argument => argument.name()).join(', then the ')
    throw mismatch('INVALID_OPTION', first, `the ${names}`, `them the other way round (${other} is a model)`)
  }
  if (kind !== 'jpeg' && kind !== 'folder') return
  throw mismatch('INVALID_OPTION', first, `a model that jpegnet saved, as in ${orderOf(command)}`, words)
}

/** `jpegnet evaluate <model> <data>` */
function orderOf(command: Command): string {
  return `jpegnet ${command.name()} ${command.usage().replace('[options] ', '')}`
}
