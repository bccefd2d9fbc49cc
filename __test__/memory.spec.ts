import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const run = promisify(execFile)

test('a long-running process keeps a flat memory', async t => {
  const program = fileURLToPath(new URL('fixtures/leak.mjs', import.meta.url))
  // One arena for all threads: freed memory that lies in another thread's arena would look like a leak.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' }
  const { stdout } = await run(process.execPath, ['--expose-gc', program], { env })
  const { before, after, rounds } = JSON.parse(stdout) as { before: number; after: number; rounds: number }
  const grown = (after - before) / 2 ** 20
  t.log(`${rounds} rounds: native memory from ${(before / 2 ** 20).toFixed(1)} to ${(after / 2 ** 20).toFixed(1)} MiB`)
  // Rounds that forgot their network or their pictures would keep about 10 MiB each. The allocator gives one large piece
  // of 17 MiB, with which the planner measures the memory, back early or late.
  t.true(grown < 30, `grew by ${grown.toFixed(1)} MiB in ${rounds} rounds`)
})
