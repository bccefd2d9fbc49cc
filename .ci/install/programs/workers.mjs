// Several workers at once, one that is stopped in the middle of a training, and the main thread after them.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

const own = Array.from({ length: 4 }, () => new Worker(new URL('program.mjs', import.meta.url)))
const codes = await Promise.all(own.map(async worker => (await once(worker, 'exit'))[0]))
if (codes.some(code => code !== 0)) throw new Error(`workers ended with ${codes}`)

for (let again = 0; again < 3; again++) {
  const stopped = new Worker(new URL('endless.mjs', import.meta.url))
  await once(stopped, 'message')
  await stopped.terminate()
}
await import('./program.mjs')
