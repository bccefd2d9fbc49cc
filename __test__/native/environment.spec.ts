/** What a process takes from its environment, each in a process of its own. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import test from 'ava'
import { runtimeInfo, type ModelErrorCode } from '../../src-ts/index.js'
import { jpegPaths } from '../fixtures/pictures.js'

const run = promisify(execFile)
const built = new URL('../../dist/index.js', import.meta.url).href

/** Runs a program with `jpegnet` in scope and gives what it answers, or the error it throws. */
async function answer(variables: Record<string, string>, expression: string): Promise<Answer> {
  const program = `
    import * as jpegnet from ${JSON.stringify(built)}
    const value = await (async () => ${expression})().catch(({ code, message, path }) => ({ code, message, path }))
    console.log(JSON.stringify(value))`
  const env = { ...process.env, ...variables }
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program], { env })
  return JSON.parse(stdout) as Answer
}

interface Answer {
  isa?: string
  threads?: number
  code?: ModelErrorCode
  path?: string
  message?: string
  logits?: number[][]
  weights?: string[]
}

const predict = `({
  logits: (await jpegnet.createModel(jpegnet.paperResnet({ classes: 3 }), { seed: 5 })
    .predict(${JSON.stringify(jpegPaths)})).map(({ logits }) => logits)
})`

test('the addon is of the version of its package', async t => {
  const manifest = await readFile(new URL('../../package.json', import.meta.url), 'utf8')
  t.is(runtimeInfo().version, (JSON.parse(manifest) as { version: string }).version)
})

for (const isa of runtimeInfo().availableIsas) {
  test(`JPEGNET_ISA=${isa} is used, and predicts what the widest predicts`, async t => {
    const variables = { JPEGNET_ISA: isa }
    t.is((await answer(variables, 'jpegnet.runtimeInfo()')).isa, isa)
    const { logits: expected = [] } = await answer({ JPEGNET_ISA: '' }, predict)
    const { logits = [] } = await answer(variables, predict)
    t.is(logits.length, 10)
    const pairs = logits.flat().map((value, index) => [value, expected.flat()[index] as number] as const)
    const largest = Math.max(...pairs.map(([value, wanted]) => Math.abs(value - wanted)))
    t.true(largest < 1e-5, `${largest}`)
  })
}

test('an unknown JPEGNET_ISA is an error that names those there are', async t => {
  const { code, path, message } = await answer({ JPEGNET_ISA: 'altivec' }, 'jpegnet.runtimeInfo()')
  t.is(code, 'INVALID_OPTION')
  t.is(path, 'JPEGNET_ISA')
  for (const isa of runtimeInfo().availableIsas) t.true(message?.includes(isa))
  t.true(message?.endsWith('found altivec'))
  const used = await answer({ JPEGNET_ISA: 'altivec' }, predict)
  t.is(used.path, 'JPEGNET_ISA', 'and so is every use')
})

/** Bytes of every weight after two steps of training. */
const train = `(async () => {
  const model = jpegnet.createModel(jpegnet.paperResnet({ classes: 2 }), { seed: 5 })
  const jpegs = ${JSON.stringify(jpegPaths)}.map((file, index) => ({ file, label: String(index % 2) }))
  await model.fit(jpegnet.jpegFiles(jpegs), { epochs: 1, batchSize: 5 })
  return { weights: (await model.parameters()).map(({ values }) => Buffer.from(values.buffer).toString('base64')) }
})()`

test('JPEGNET_THREADS sets the threads, and a training does not depend on them', async t => {
  t.is((await answer({ JPEGNET_THREADS: '' }, 'jpegnet.runtimeInfo()')).threads, availableParallelism())
  t.is((await answer({ JPEGNET_THREADS: '3' }, 'jpegnet.runtimeInfo()')).threads, 3)
  const one = await answer({ JPEGNET_THREADS: '1' }, train)
  t.true((one.weights?.length ?? 0) > 50)
  t.deepEqual(await answer({ JPEGNET_THREADS: '3' }, train), one)
})

test('answers depend on the threads by rounding only', async t => {
  const { logits: one = [] } = await answer({ JPEGNET_THREADS: '1' }, predict)
  const { logits: three = [] } = await answer({ JPEGNET_THREADS: '3' }, predict)
  t.is(three.length, 10)
  const errors = three.flat().map((value, index) => Math.abs(value - (one.flat()[index] ?? NaN)))
  t.true(Math.max(...errors) < 1e-5, `${Math.max(...errors)}`)
})

for (const threads of ['0', '-1', 'many', '2000']) {
  test(`JPEGNET_THREADS=${threads} is an error`, async t => {
    const { code, path, message } = await answer({ JPEGNET_THREADS: threads }, 'jpegnet.runtimeInfo()')
    t.is(code, 'INVALID_OPTION')
    t.is(path, 'JPEGNET_THREADS')
    t.true(message?.endsWith(`expected a whole number from 1 to 1024, found ${threads}`), message)
  })
}
