/** What the commands of these benchmarks have in common. */
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { runtimeInfo } from 'jpegnet'
import { root } from './folders.js'
import type { Circumstances } from './record.js'

/** Load average above which figures are not to be trusted. */
const BUSY = 0.7

/** `--data` */
export function dataOption(): Option {
  return new Option(
    '--data <folder>',
    'folder with data/cifar10.tar.xz, data/photos.tar.xz and weights/; pictures and weights are made where they are missing',
  ).default(process.env['JPEGNET_SHARED'] ?? join(root, '../shared'))
}

/** `--python` */
export function pythonOption(): Option {
  const text = 'a Python with torch, numpy and safetensors, or where PYTHON says; without one PyTorch is left out'
  return new Option('--python <path>', text).default(process.env['PYTHON'] ?? 'python3')
}

/** A whole number from 1 on, as an option's value. */
export function whole(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It must be a whole number from 1 on.')
  return value
}

/** Several of them, with commas between. */
export function wholes(text: string): number[] {
  return text.split(',').map(whole)
}

/** Where and how a command's figures are made; tells people if nothing good can come of it. */
export function circumstancesOf(name: string, rounds: number, threads: number): Circumstances {
  const given = withoutPaths(process.argv.slice(2))
  const command = [`npm run ${name}`, ...(given.length > 0 ? ['--', ...given] : [])].join(' ')
  const load = loadavg()[0] ?? 0
  if (load > BUSY) say(`load average ${load.toFixed(1)}: something else is running, and figures will say little`)
  return { rounds, threads, isa: runtimeInfo().isa, command, date: new Date().toISOString().slice(0, 10), load }
}

/** Arguments without those that say where things lie on one machine. */
function withoutPaths(given: readonly string[]): string[] {
  const paths = ['--data', '--python']
  return given.filter((text, at) => {
    return !paths.some(option => text === option || text.startsWith(`${option}=`) || given[at - 1] === option)
  })
}

/** Tells people how it goes. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
