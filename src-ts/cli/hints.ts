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

/** The sentence of an unknown option, with what it is called here. */
export function withHint(text: string): string {
  const [, option = ''] = /unknown option '([^'=]+)/.exec(text) ?? []
  const own = OTHER_NAMES[option]
  return own === undefined || text.includes('Did you mean') ? text : `${text} (Did you mean ${own}?)`
}

/**
 * Refuses what stands where a model should: the pictures, with the model after them, and the name of a network that first has to be made
 * a model.
 *
 * @throws ModelError `INVALID_OPTION`, `FILE_NOT_FOUND`
 */
export async function checkModel({ registeredArguments: expected, args }: Command): Promise<void> {
  const [first, second] = args
  if (expected[0]?.name() !== 'model' || first === undefined) return
  if ((await kindOf(first)) === undefined && knownPackage(first) !== undefined) {
    const found = `none; it is made by: jpegnet convert ${first} --out ${first}.model`
    throw mismatch('FILE_NOT_FOUND', first, 'a model that jpegnet saved', found)
  }
  if (second === undefined) return
  const [one, other] = [await existingFile(first), await existingFile(second)]
  if (one.kind === 'model' || other.kind !== 'model') return
  const names = expected.map(argument => argument.name()).join(', then the ')
  throw mismatch('INVALID_OPTION', first, `the ${names}`, `them the other way round (${second} is a model)`)
}
