/** A process that is killed while it trains, at any moment, loses what it did since its last checkpoint and nothing else. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test from 'ava'
import { loadModel, readSafetensors } from '../../src-ts/index.js'
import { fixture, temporaryFolder } from '../fixtures/pictures.js'
import { data, newModel } from '../fixtures/training.js'

/** Runs the training; kills it some milliseconds after so many checkpoints. The number of the last step it said was saved. */
async function train(path: string, kill?: { checkpoints: number; milliseconds: number }): Promise<number> {
  const child = spawn(process.execPath, [fixture('killed.mjs'), path], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  let killing = false
  child.stdout.on('data', (text: Buffer) => {
    output += text.toString()
    if (!kill || killing || output.split('\n').length <= kill.checkpoints) return
    killing = true
    setTimeout(() => child.kill('SIGKILL'), kill.milliseconds)
  })
  await once(child, 'close')
  return Number(output.trim().split('\n').at(-1))
}

test('a training killed again and again ends with the bits of one that was not', async t => {
  const whole = join(await temporaryFolder(t), 'whole.model')
  t.is(await train(whole), 100)
  const path = join(await temporaryFolder(t), 'killed.model')
  for (const [round, milliseconds] of [0, 1, 2, 3, 4, 0, 1, 2, 3, 4].entries()) {
    const last = await train(path, { checkpoints: 1 + (round % 3), milliseconds })
    using model = await loadModel(path)
    t.log(`killed after step ${last}, step ${model.training?.step} was saved`)
    t.true((model.training?.step ?? 0) >= last, `step ${model.training?.step} is there after ${last} were said to be`)
  }
  t.is(await train(path), 100)
  t.deepEqual((await readSafetensors(path)).tensors, (await readSafetensors(whole)).tensors)
  t.deepEqual(await readdir(dirname(path)), ['killed.model'], 'nothing is left behind')
})

test('what a killed process left beside its model goes when a training begins, what is not its own does not', async t => {
  const path = join(await temporaryFolder(t), 'a.model')
  const gone = spawn(process.execPath, ['-e', ''])
  await once(gone, 'close')
  const left = [`.a.model.${gone.pid}-0.writing`, `.a.model.${process.pid}-98.writing`]
  const others = [`.a.model.${process.ppid}-0.writing`, `.a.model.${process.pid}-99.writing`, '.a.model.notes']
  for (const name of [...left, ...others]) await writeFile(join(dirname(path), name), 'half a model')
  // Written before this process began: by another that had its number.
  await utimes(join(dirname(path), left[1] as string), 0, 0)
  using model = newModel()
  await model.fit(data, { epochs: 1, checkpoint: { path } })
  t.deepEqual((await readdir(dirname(path))).sort(), [...others, 'a.model'].sort())
})
