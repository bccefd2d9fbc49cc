/** What is in a zip archive, from the directory at its end. Nothing is unpacked. */
import type { FileHandle } from 'node:fs/promises'

/** A file in an archive. */
export interface ZipEntry {
  name: string
  /** Where its bytes begin, if it is stored as it is. */
  at: number
  /** Bytes as they are stored. */
  size: number
}

/** Most bytes of a directory that are read. */
const LONGEST_DIRECTORY = 2 ** 22
/** The record at the end, with the longest comment that may follow it. */
const LONGEST_END = 22 + 65_535

/** The files of an archive; those that are found, where its directory is cut or damaged. */
export async function entriesOf(file: FileHandle, size: number): Promise<ZipEntry[]> {
  const length = Math.min(size, LONGEST_END)
  const end = Buffer.alloc(length)
  await file.read(end, 0, length, size - length)
  const record = end.lastIndexOf('PK\x05\x06', undefined, 'latin1')
  if (record < 0 || record + 22 > length) return []
  const directory = Buffer.alloc(Math.min(end.readUInt32LE(record + 12), LONGEST_DIRECTORY))
  await file.read(directory, 0, directory.length, end.readUInt32LE(record + 16))
  const entries: ZipEntry[] = []
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === 0x0201_4b50;) {
    const [ofName, ofExtra, ofComment] = [28, 30, 32].map(field => directory.readUInt16LE(at + field))
    const name = directory.toString('utf8', at + 46, at + 46 + (ofName as number))
    const header = Buffer.alloc(30)
    const local = directory.readUInt32LE(at + 42)
    await file.read(header, 0, 30, local)
    const begin = local + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
    entries.push({ name, at: begin, size: directory.readUInt32LE(at + 20) })
    at += 46 + (ofName as number) + (ofExtra as number) + (ofComment as number)
  }
  return entries
}
