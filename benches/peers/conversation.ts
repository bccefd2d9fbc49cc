/** Orders to a process and its answers, one after the other. */
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Writable } from 'node:stream'
import { root } from './folders.js'

/** What comes back for an order. */
interface Reply {
  answer?: unknown
  /** Why there is no answer. */
  error?: string
}

/** A process and how it is spoken with. */
export interface Link {
  child: ChildProcess
  send(order: object): void
  /** The next reply; what it waits for is given up with the signal. */
  reply(signal: AbortSignal): Promise<Reply>
}

/** A process that runs a module of these benchmarks, with {@link serve}. */
export function nodeLink(module: URL, threads: number): Link {
  const child = fork(module, {
    // Buffers travel as they are.
    serialization: 'advanced',
    env: { ...process.env, JPEGNET_THREADS: String(threads) },
  })
  return {
    child,
    send: order => void child.send(order),
    reply: async signal => ((await once(child, 'message', { signal })) as [Reply])[0],
  }
}

/** A process that runs a Python module of benches/peers, which reads and writes lines of JSON. */
export function pythonLink(python: string, module: string, environment: Record<string, string> = {}): Link {
  const child = spawn(python, ['-m', module], {
    cwd: join(root, 'benches/peers'),
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...environment },
  })
  const lines = createInterface({ input: child.stdout })
  return {
    child,
    send: order => void (child.stdin as Writable).write(`${JSON.stringify(order)}\n`),
    reply: async signal => JSON.parse(((await once(lines, 'line', { signal })) as [string])[0]) as Reply,
  }
}

/** Speaks with a contender's process; `A` says what each type of order is answered. */
export class Conversation<O extends { type: string }, A extends Record<O['type'], unknown>> {
  /** What errors call it. */
  readonly name: string
  readonly #link: Link

  constructor(name: string, link: Link) {
    this.name = name
    this.#link = link
  }

  /** The answer to an order. */
  async tell<T extends O>(order: T): Promise<A[T['type']]> {
    const ended = new AbortController()
    try {
      const exit = once(this.#link.child, 'exit', { signal: ended.signal }).then(([code, signal]) => {
        throw new Error(`${this.name}: its process ended with ${code ?? signal} instead of an answer`)
      })
      // The loser of the race is told to stop listening, which is no failure.
      exit.catch(() => undefined)
      const reply = this.#link.reply(ended.signal)
      reply.catch(() => undefined)
      this.#link.send(order)
      const { answer, error } = (await Promise.race([reply, exit])) as Reply
      if (error !== undefined) throw new Error(`${this.name}: ${error}`)
      return answer as A[T['type']]
    } finally {
      ended.abort()
    }
  }

  /** Ends the process. */
  async end(): Promise<void> {
    const { child } = this.#link
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
}

/** Answers the messages of the process that started this one. */
export function serve<O>(obey: (order: O) => Promise<unknown>): void {
  process.on('message', (order: O) => {
    obey(order).then(
      answer => process.send?.({ answer }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
    )
  })
}
