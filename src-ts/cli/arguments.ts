/** Values of options, read strictly: a wrong one ends the command with where, expected and found. */
import { InvalidArgumentError, Option } from 'commander'
import { bytesOf, MEMORY_SIZE } from '../data/memory.js'
import type { PixelBox, ModeOptions } from '../index.js'

const wrong = (expected: string, found: string) => new InvalidArgumentError(`Expected ${expected}, found ${found}.`)

/** A finite number that satisfies a condition. */
function number(expected: string, holds: (value: number) => boolean) {
  return (text: string): number => {
    const value = text.trim() === '' ? NaN : Number(text)
    if (!Number.isFinite(value) || !holds(value)) throw wrong(expected, text)
    return value
  }
}

/** A whole number within bounds. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER) {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return number(`a whole number ${range}`, value => Number.isInteger(value) && value >= least && value <= most)
}

export const notNegative = number('a number of at least 0', value => value >= 0)
export const share = number('a number from 0 to 1', value => value >= 0 && value <= 1)
export const part = number('a number above 0 and below 1', value => value > 0 && value < 1)
export const momentum = number('a number from 0 to below 1', value => value >= 0 && value < 1)

export const channels = number('1 or 3', value => value === 1 || value === 3)

/** `224` or `320x240`: width and height. */
export function size(text: string): readonly [number, number] {
  const [, width, height = width] = /^(\d+)(?:[x×](\d+))?$/.exec(text.trim()) ?? []
  const sides = [Number(width), Number(height)] as const
  if (!sides.every(side => side >= 1 && side <= 65_500)) throw wrong('a size such as 224 or 320x240', text)
  return sides
}

/** `320x240+16+32`: width, height, and the pixels to the left and above. */
export function box(text: string): PixelBox {
  const found = /^(\d+)[x×](\d+)\+(\d+)\+(\d+)$/.exec(text.trim())
  if (!found) throw wrong('a box such as 320x240+16+32', text)
  const [width, height, left, top] = found.slice(1).map(Number) as [number, number, number, number]
  return { left, top, width, height }
}

/** `conv1,layer1`: names separated by commas; none if there is no text. */
export function names(text: string): string[] {
  return text === '' ? [] : text.split(',').map(name => name.trim())
}

/** `a,b,c` or `a`: finite numbers, one a channel. */
export function perChannel(positive: boolean) {
  const expected = `one or three ${positive ? 'numbers above 0' : 'numbers'}, separated by commas`
  return (text: string): number[] => {
    const values = text.split(',').map(part => (part.trim() === '' ? NaN : Number(part)))
    const good = values.every(value => Number.isFinite(value) && (!positive || value > 0))
    if (!good || ![1, 3].includes(values.length)) throw wrong(expected, text)
    return values
  }
}

export const modeOption = () =>
  new Option(
    '--mode <name>',
    "how the network computes: exact, the same as on pixels; approximated, with the paper's approximation of ReLU; band-limited, with only low DCT frequencies of every feature map (default: the model's own; approximated if only --frequencies is given)",
  ).choices(['exact', 'approximated', 'band-limited'])

export const frequenciesOption = () =>
  new Option(
    '--frequencies <n>',
    'for the modes approximated and band-limited: how many DCT frequencies (diagonals of the 8×8 block) are kept, 1–15; φ in the paper',
  ).argParser(whole(1, 15))

export const maskingOption = () =>
  new Option('--masking <name>', "for the mode approximated: the paper's ASM or APX (default: asm)").choices([
    'asm',
    'apx',
  ])

/** An amount of memory in bytes. */
function memory(text: string): number {
  const bytes = bytesOf(text)
  if (bytes === undefined) throw wrong(MEMORY_SIZE, text)
  return bytes
}

export const memoryOption = () =>
  new Option(
    '--memory <size>',
    'largest amount of memory for a data set, such as 2GB; images that do not fit are read from disk again when needed (default: no limit)',
  ).argParser(memory)

export const availableMemoryOption = () =>
  new Option(
    '--available-memory <size>',
    'memory that training steps and tests may use; a training that needs more is refused (default: the free memory)',
  ).argParser(memory)

export const jsonOption = () => new Option('--json', 'print JSON, one object a line')

export const meanOption = () =>
  new Option('--mean <a,b,c>', 'mean of the red, green and blue samples, on a scale of 0…1 (default: 0.5)').argParser(
    perChannel(false),
  )

export const stdOption = () =>
  new Option(
    '--std <a,b,c>',
    'standard deviation of the red, green and blue samples, on a scale of 0…1 (default: 0.5)',
  ).argParser(perChannel(true))

/** Options that two or more commands share. */
export interface SharedOptions extends ModeOptions {
  mean?: number[]
  std?: number[]
  json?: boolean
}

/** The mode among a command's options. */
export function modeOf({ mode, frequencies, masking }: ModeOptions): ModeOptions {
  return { mode, frequencies, masking }
}

/** Command lines under a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map(line => `  ${line}`).join('\n')}`
}
