/** Starts contenders and speaks with them. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Answers, Order } from './orders.js'
import type { SideName } from './sides/side.js'

/** A contender's process. */
export class Contender {
  readonly name: SideName
  readonly #child: ReturnType<typeof fork>

  constructor(name: SideName, threads: number) {
    this.name = name
    this.#child = fork(new URL('./contender.js', import.meta.url), {
      // Buffers travel as they are.
      serialization: 'advanced',
      env: { ...process.env, JPEGNET_THREADS: String(threads) },
    })
  }

  /** The answer to an order. */
  async tell<O extends Order>(order: O): Promise<Answers[O['type']]> {
    const ended = new AbortController()
    try {
      const exit = once(this.#child, 'exit', { signal: ended.signal }).then(([code, signal]) => {
        throw new Error(`${this.name}: its process ended with ${code ?? signal} instead of an answer`)
      })
      // The loser of the race is told to stop listening, which is no failure.
      exit.catch(() => undefined)
      const reply = once(this.#child, 'message', { signal: ended.signal })
      reply.catch(() => undefined)
      this.#child.send(order)
      const [{ answer, error }] = (await Promise.race([reply, exit])) as [
        { answer: Answers[O['type']]; error?: string },
      ]
      if (error !== undefined) throw new Error(`${this.name}: ${error}`)
      return answer
    } finally {
      ended.abort()
    }
  }

  /** Ends the process. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exit = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exit
  }
}
