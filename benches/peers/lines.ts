/** One side in a process of its own, told by lines of JSON: for peers that are not JavaScript. */
import { createInterface } from 'node:readline'
import { obey, type Order } from './orders.js'

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await obey(JSON.parse(line) as Order).then(
    answer => ({ answer: answer instanceof Float32Array ? Array.from(answer) : answer }),
    (error: unknown) => ({ error: error instanceof Error ? error.message : String(error) }),
  )
  process.stdout.write(`${JSON.stringify(reply)}\n`)
}
