/** One side in a process of its own, told by messages of the process that started it. */
import { obey, type Order } from './orders.js'

process.on('message', (order: Order) => {
  obey(order).then(
    answer => process.send?.({ answer }),
    (error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) }),
  )
})
