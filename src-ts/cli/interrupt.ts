/** What Ctrl-C does to work that can be ended in order. */
import { warn } from './terminal.js'

/** The first Ctrl-C ends the work when it says; the second finds no listener and ends the process at once. */
export function abortOnInterrupt(when: string): [AbortSignal, () => void] {
  const controller = new AbortController()
  const stopListening = () => process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  const interrupt = () => {
    // An exit would wait for the step on its worker thread, which a signal left to the system does not.
    stopListening()
    warn(`stopping ${when}; Ctrl-C again to stop at once`)
    controller.abort()
  }
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  return [controller.signal, stopListening]
}
