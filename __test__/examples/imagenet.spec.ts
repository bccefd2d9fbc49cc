/** The example that converts a real network and classifies photographs. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { jpegPaths } from '../fixtures/pictures.js'

const run = promisify(execFile)
const program = fileURLToPath(new URL('../../examples/imagenet/classify.mjs', import.meta.url))

test('the ResNet-50 that Keras trained is converted and gives pictures of any size their labels', async t => {
  const [first, second] = jpegPaths as [string, string]
  const { stdout } = await run(process.execPath, [program, first, second])
  const line = /^.*\.jpg: \S.* \d+\.\d %, \S.* \d+\.\d %, \S.* \d+\.\d %$/gm
  t.is(stdout.match(line)?.length, 2, stdout)
  const { code, stderr } = (await t.throwsAsync(run(process.execPath, [program, 'none.jpg']))) as unknown as {
    code: number
    stderr: string
  }
  t.is(code, 1)
  t.is(stderr, 'none.jpg: expected a file, found none\n')
})
