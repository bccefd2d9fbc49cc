/** Values that come one by one, taken some at a time: what has come, and no more than there is room for. */
import { setImmediate as turn } from 'node:timers/promises'
import { Stop, throwIfAborted } from './iteration.js'

/** Something that takes memory while it is held. */
interface Held {
  /** Its bytes, if it has them with it. */
  jpeg?: Uint8Array | undefined
}

/**
 * The values of an iterable in groups. It is read while nobody asks, until so many values are held, or so many bytes; who
 * asks gets all that are held, as soon as there is one. Its own errors are thrown after what came before them. It is told to
 * end by the signal it is given if the caller stops or the signal says so, and waited for.
 *
 * @throws ModelError `ABORTED`; whatever the iterable throws
 */
export async function* gathered<T extends Held>(
  begin: (signal: AbortSignal) => AsyncIterable<T>,
  most: { values: number; bytes: number },
  signal: AbortSignal,
): AsyncGenerator<T[], void> {
  const stop = new Stop(signal)
  let held: T[] = []
  let bytes = 0
  let [come, room] = [new Bell(), new Bell()]
  let end: { error?: unknown } | undefined
  const isFull = () => held.length >= most.values || bytes >= most.bytes
  const read = async () => {
    try {
      for await (const value of begin(stop.signal)) {
        held.push(value)
        bytes += value.jpeg?.length ?? 0
        come.ring()
        while (isFull() && !stop.signal.aborted) await (room = new Bell()).rung
      }
      end = {}
    } catch (error) {
      end = { error }
    }
    come.ring()
  }
  const reading = read()
  try {
    for (;;) {
      if (held.length === 0 && !end) await (come = new Bell()).rung
      // What comes together is taken together.
      await turn()
      throwIfAborted(signal)
      if (held.length > 0) {
        const group = held
        held = []
        bytes = 0
        room.ring()
        yield group
      } else if (end) {
        if ('error' in end) throw end.error
        return
      }
    }
  } finally {
    stop.now()
    room.ring()
    await reading
  }
}

/** Something that one waits for and another says once. */
class Bell {
  ring: () => void = () => undefined
  readonly rung = new Promise<void>(resolve => (this.ring = resolve))
}
