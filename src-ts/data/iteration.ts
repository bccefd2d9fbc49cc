/** Values that come in time: asked for ahead, and given up when nobody wants them any more. */
import { Readable } from 'node:stream'
import { ModelError, mismatch } from '../errors.js'

/** @throws ModelError `ABORTED` if the signal says so */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}

function aborted({ reason }: AbortSignal): ModelError {
  return new ModelError('ABORTED', 'the call was aborted by its signal', { cause: reason })
}

/**
 * The values of an iterable, each asked for while the one before is in use. What it has begun when the caller stops, or the
 * signal says so, is ended by the signal that it is given, and waited for.
 *
 * @throws ModelError `ABORTED`; whatever the iterable throws
 */
export async function* ahead<T>(
  begin: (signal: AbortSignal) => AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void> {
  throwIfAborted(signal)
  const stop = new Stop(signal)
  const iterator = begin(stop.signal)[Symbol.asyncIterator]()
  const ask = () => {
    const next = iterator.next()
    // Thrown when it is awaited; until then it is nobody's.
    next.catch(() => undefined)
    return next
  }
  try {
    for (let next = ask(); ;) {
      const { done, value } = await next
      throwIfAborted(signal)
      if (done) return
      next = ask()
      yield value
    }
  } finally {
    stop.now()
    await iterator.return?.()
  }
}

/** A signal that aborts with another or when it is told to. */
export class Stop {
  readonly #controller = new AbortController()
  readonly #of: AbortSignal | undefined
  readonly #follow = () => this.#controller.abort(this.#of?.reason)

  constructor(signal: AbortSignal | undefined) {
    this.#of = signal
    if (signal?.aborted) this.#follow()
    signal?.addEventListener('abort', this.#follow)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  now(): void {
    this.#of?.removeEventListener('abort', this.#follow)
    this.#controller.abort()
  }
}

/** Values as they are, and no more of them than are asked for. */
const IN_STEP = { objectMode: true, highWaterMark: 1 }

/** What gives its values as a web `ReadableStream` does. */
export interface WebStream {
  getReader: () => {
    read: () => Promise<{ done: boolean; value?: unknown }>
    cancel: (reason?: unknown) => Promise<void>
  }
}

/** What values can be had from, one after the other. */
export type AnyIterable<T> = AsyncIterable<T> | Iterable<T> | WebStream

/** Whether {@link until} takes a value. */
export function isIterable(value: unknown): value is AnyIterable<unknown> {
  if (typeof value !== 'object' || value === null) return false
  return Symbol.asyncIterator in value || Symbol.iterator in value || 'getReader' in value
}

/**
 * The values of somebody else's iterable until the signal aborts, even while one is waited for. Its own errors are thrown as
 * they are. If it is left before its end its `return` is called, and one that is waited for is destroyed if it can be.
 */
export async function* until<T>(given: AnyIterable<T>, signal: AbortSignal): AsyncGenerator<T, void> {
  const values = 'getReader' in given ? ofWebStream<T>(given) : given
  const iterator = Symbol.asyncIterator in values ? values[Symbol.asyncIterator]() : values[Symbol.iterator]()
  let state: 'waiting' | 'given' | 'over' = 'given'
  const asked = async () => {
    try {
      return await iterator.next()
    } catch (error) {
      state = 'over'
      throw error
    }
  }
  let refuse: ((error: ModelError) => void) | undefined
  // One promise a value: a race against one that lasts would keep every value that ever ran in it.
  const next = () =>
    new Promise<IteratorResult<T>>((resolve, reject) => {
      refuse = reject
      asked().then(resolve, reject)
    })
  const abort = () => refuse?.(aborted(signal))
  signal.addEventListener('abort', abort)
  try {
    for (;;) {
      throwIfAborted(signal)
      state = 'waiting'
      const { done, value } = await next()
      state = done ? 'over' : 'given'
      if (done) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', abort)
    const left = state === 'over' ? undefined : leave(iterator)
    // One that has not answered may never do so: only a stream can be told to end all the same.
    if (state === 'waiting') destroy(values)
    else await left
  }
}

function ofWebStream<T>(stream: WebStream): AsyncIterable<T> {
  // One that is waited for cannot be cancelled, a Node stream of it can be destroyed.
  if (stream instanceof ReadableStream) return Readable.fromWeb(stream, IN_STEP) as AsyncIterable<T>
  return read(stream) as AsyncGenerator<T, void>
}

/** The values of a stream that only behaves like a web stream: of another realm, or another program's. */
async function* read(stream: WebStream): AsyncGenerator<unknown, void> {
  const reader = stream.getReader()
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      isOver = done
      if (done) return
      yield value
    }
  } finally {
    if (!isOver) await reader.cancel().catch(() => undefined)
  }
}

/** Ends an iterator before its end, which only happens where something else went wrong already. */
async function leave(iterator: AsyncIterator<unknown> | Iterator<unknown>): Promise<void> {
  try {
    await iterator.return?.()
  } catch {
    // What went wrong first is what is told.
  }
}

function destroy(values: object): void {
  if ('destroy' in values && typeof values.destroy === 'function') values.destroy()
}

const usedUp = new WeakSet<object>()

/**
 * Notes that something is read which may be a generator or a stream, and so can be read once.
 *
 * @throws ModelError `INVALID_OPTION` if it was read before
 */
export function readOnce(values: object, where: string): void {
  const once = 'next' in values || 'pipe' in values || 'getReader' in values
  if (!once) return
  if (usedUp.has(values)) {
    const expected = 'a stream that was not read before (loadDataset keeps its images)'
    throw mismatch('INVALID_OPTION', where, expected, 'one that was')
  }
  usedUp.add(values)
}
