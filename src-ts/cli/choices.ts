/** What was chosen by the images, from what, and which options change it. */
import type { Choice, Dataset } from '../index.js'
import { count, say } from './terminal.js'

/** The options that change a choice, and those of the command that say it themselves. */
const OPTIONS: Record<Choice['what'], { names: string; keys: readonly string[] }> = {
  colour: { names: '--channels', keys: ['channels'] },
  size: { names: '--size', keys: ['size'] },
  network: { names: '--model', keys: ['model'] },
  augmentation: { names: '--augment', keys: ['augment'] },
  frozen: { names: '--freeze none', keys: ['freeze'] },
  length: { names: '--epochs, --batch-size', keys: ['epochs', 'batchSize'] },
}

/** Says every choice that was not given, a line each. */
export function sayChoices({ length }: Dataset, choices: readonly Choice[], given: object): void {
  const isGiven = (key: string) => (given as Record<string, unknown>)[key] !== undefined
  const open = choices.filter(({ what }) => !OPTIONS[what].keys.every(isGiven))
  if (open.length === 0) return
  say(`chosen by all ${count(length)} images:`)
  for (const { what, value, because } of open) say(`  ${value}: ${because} (${OPTIONS[what].names})`)
}
