import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import test from 'ava'

const run = promisify(execFile)

/** Native memory that a program says it has early and late, in MiB; the rest of what it says. */
async function memoryOf(program: string) {
  const path = fileURLToPath(new URL(`fixtures/${program}`, import.meta.url))
  // One arena for all threads: freed memory that lies in another thread's arena would look like a leak.
  const env = { ...process.env, MALLOC_ARENA_MAX: '1' }
  const { stdout } = await run(process.execPath, ['--expose-gc', path], { env })
  const { before, after, ...rest } = JSON.parse(stdout) as Record<string, number>
  const mebibytes = (bytes = 0) => bytes / 2 ** 20
  return { before: mebibytes(before), after: mebibytes(after), rest }
}

test('a process that trains for long keeps a flat memory', async t => {
  const { before, after, rest } = await memoryOf('leak.mjs')
  t.log(`${rest['rounds']} rounds: native memory from ${before.toFixed(1)} to ${after.toFixed(1)} MiB`)
  // Rounds that forgot their network or their pictures would keep about 10 MiB each. The allocator gives one large piece
  // of 17 MiB, with which the planner measures the memory, back early or late.
  t.true(after - before < 30, `grew by ${(after - before).toFixed(1)} MiB`)
})

test('a process that decodes for long keeps a flat memory, whatever the files', async t => {
  const { before, after, rest } = await memoryOf('decodes.mjs')
  t.log(`${rest['counted']} decodes: native memory from ${before.toFixed(1)} to ${after.toFixed(1)} MiB`)
  // Decoders that were forgotten would keep 4 kB each at least, 60 MB, and with their coefficients several times as much.
  t.true(after - before < 20, `grew by ${(after - before).toFixed(1)} MiB`)
})
