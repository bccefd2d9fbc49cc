/** What the file is that a command was told to write over. */
import { open, type FileHandle } from 'node:fs/promises'

/** A file as its contents show it, whatever its name. */
export interface ExistingFile {
  kind: 'folder' | 'empty' | 'jpeg' | 'page' | 'onnx' | 'model' | 'weights' | 'coefficients' | 'other'
  /** Whether a command of this program makes it again in moments, so that nothing is lost with it. */
  madeAgain: boolean
  /** In words, after "found". */
  words: string
}

/** Bytes of a file's beginning that are enough to know it by. */
const BEGINNING = 4096
/** Longest header of a model that is read. */
const LONGEST_HEADER = 2 ** 25

/** Looks into a file. One that cannot be read is of another kind. */
export async function existingFile(path: string): Promise<ExistingFile> {
  const other: ExistingFile = { kind: 'other', madeAgain: false, words: 'a file of another kind' }
  const file = await open(path).catch(() => undefined)
  if (!file) return other
  try {
    if ((await file.stat()).isDirectory()) return { kind: 'folder', madeAgain: false, words: 'a folder' }
    const start = await bytesOf(file, 0, BEGINNING)
    if (start.length === 0) return { kind: 'empty', madeAgain: true, words: 'an empty file' }
    if (start[0] === 0xff && start[1] === 0xd8) return { kind: 'jpeg', madeAgain: false, words: 'a JPEG file' }
    const text = start.toString('latin1')
    if (text.includes('<meta name="generator" content="jpegnet')) {
      return { kind: 'page', madeAgain: true, words: 'a page that jpegnet wrote' }
    }
    // The second field of the file, after the version of its format.
    if (start[0] === 8 && text.slice(2).startsWith('\x12\x07jpegnet')) {
      return { kind: 'onnx', madeAgain: true, words: 'a network that jpegnet exported' }
    }
    return (await tensorsOf(file, start)) ?? other
  } catch {
    return other
  } finally {
    await file.close()
  }
}

/** A safetensors file by what it says about itself. */
async function tensorsOf(file: FileHandle, start: Buffer): Promise<ExistingFile | undefined> {
  const length = start.length < 9 ? 0n : start.readBigUInt64LE(0)
  if (length < 2n || length > LONGEST_HEADER || start[8] !== 0x7b) return undefined
  const header = JSON.parse((await bytesOf(file, 8, Number(length))).toString()) as { __metadata__?: unknown }
  const said = (header.__metadata__ ?? {}) as Record<string, string>
  if (said['format'] === 'jpegnet-coefficients') {
    return { kind: 'coefficients', madeAgain: false, words: 'the coefficients of an image' }
  }
  if (said['jpegnet.exported'] !== undefined) {
    return { kind: 'weights', madeAgain: true, words: 'weights that jpegnet exported' }
  }
  if (said['jpegnet.version'] === undefined) return { kind: 'weights', madeAgain: false, words: 'weights' }
  const [trained, labels] = ['jpegnet.trained', 'jpegnet.labels'].map(key => parsed(said[key]))
  const isTrained = trained !== undefined || said['jpegnet.training'] !== undefined
  const epochs = (trained as { epochs?: unknown } | undefined)?.epochs
  const length_ = typeof epochs === 'number' ? ` for ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}` : ''
  const classes = Array.isArray(labels) ? `, which tells ${classNames(labels.map(String))} apart` : ''
  return {
    kind: 'model',
    madeAgain: !isTrained,
    words: isTrained ? `a model trained${length_}${classes}` : `a model that was not trained here${classes}`,
  }
}

/** The first few of a model's classes. */
function classNames(labels: readonly string[]): string {
  const most = 3
  const [rest, shown] = [labels.length - most, labels.slice(0, most).join(', ')]
  return rest > 0 ? `${shown} and ${rest} more` : shown
}

function parsed(text: string | undefined): unknown {
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}

async function bytesOf(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at)
  return buffer.subarray(0, bytesRead)
}
