/** Amounts of memory as people write them. */
import * as z from 'zod'

/**
 * An amount of memory: a number of bytes, or text such as `'500 MB'`, `'2GB'` or `'1.5 GiB'`. Units are B, kB, MB, GB and TB,
 * of 1000 each, and KiB, MiB, GiB and TiB, of 1024; their letters may be large or small.
 */
export type MemorySize = number | string

const UNITS = ['', 'k', 'm', 'g', 't']

export const MEMORY_SIZE = 'a number of bytes of at least 1, or text such as 2 GB or 512 MiB'

export const memorySchema = z.custom<MemorySize>(value => bytesOf(value) !== undefined, MEMORY_SIZE)

/** The bytes of an amount of memory, without parts of one; nothing if the value is not one. */
export function bytesOf(size: unknown): number | undefined {
  const bytes = typeof size === 'string' ? parsed(size) : size
  return Number.isSafeInteger(bytes) && (bytes as number) >= 1 ? (bytes as number) : undefined
}

function parsed(text: string): number | undefined {
  const [, digits, prefix = '', binary] = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt]?)(i?)b)?\s*$/i.exec(text) ?? []
  if (digits === undefined || (binary && !prefix)) return undefined
  return Math.floor(Number(digits) * (binary ? 1024 : 1000) ** UNITS.indexOf(prefix.toLowerCase()))
}
