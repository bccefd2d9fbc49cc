/** A stranger's first hour: the folders that people have, and the first commands that they type. */
import test from 'ava'
import { COMMAND } from '../cli/command.js'
import { folderOf } from '../fixtures/pictures.js'
import { complaint, ended, folders } from './folders.js'

for (const { title, files, steps } of folders) {
  test(`a newcomer has ${title}`, async t => {
    const folder = await folderOf(t, await files())
    for (const step of steps) {
      const outcome = await ended(COMMAND, step.args, folder)
      const wrong = await complaint(step, outcome, folder)
      t.is(wrong, undefined, `jpegnet ${step.args.join(' ')}\n${outcome.stdout}\n${outcome.stderr}`)
    }
  })
}
