/** What Ctrl-C, a request to end and a terminal that goes do to work that can be ended in order. */
import { constants } from 'node:os'
import { warn, whenReaderGoes } from './terminal.js'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * The first signal, or the reader of the output that goes, ends the work when it says; the second signal finds no listener and
 * ends the process at once.
 */
export function abortOnInterrupt(when: string): [AbortSignal, () => void] {
  const controller = new AbortController()
  const stopListening = () => {
    SIGNALS.forEach(name => process.off(name, interrupt))
    whenReaderGoes(undefined)
    // Work that the end of its terminal ended is done. Node would look for the terminal when it exits, and crash.
    if (controller.signal.reason === 'SIGHUP') process.kill(process.pid, 'SIGHUP')
  }
  const interrupt = (name: NodeJS.Signals) => {
    // An exit would wait for the step on its worker thread, which a signal left to the system does not.
    SIGNALS.forEach(name => process.off(name, interrupt))
    warn(`stopping ${when}; Ctrl-C again to stop at once`)
    controller.abort(name)
  }
  SIGNALS.forEach(name => process.on(name, interrupt))
  // What a shell reports for the signal that other programs get then.
  whenReaderGoes(() => controller.abort('SIGPIPE'))
  return [controller.signal, stopListening]
}

/** The status with which a process ends that a signal told to. */
export function exitCodeOf({ reason }: AbortSignal): number {
  return 128 + (constants.signals[reason as NodeJS.Signals] ?? constants.signals.SIGINT)
}
