/** Starts contenders. */
import { Conversation, nodeLink } from './conversation.js'
import type { Answers, Order } from './orders.js'
import type { SideName } from './sides/names.js'

/** A contender's process. */
export class Contender extends Conversation<Order, Answers> {
  declare readonly name: SideName

  constructor(name: SideName, threads: number) {
    super(name, nodeLink(new URL('./contender.js', import.meta.url), threads))
  }
}
