/** Runs the first commands of newcomers on their folders and prints what each came to: `npm run first-hour`. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { COMMAND } from '../cli/command.js'
import { complaint, ended, folders } from './folders.js'

const verbose = process.argv.includes('--verbose')
let wrong = 0
for (const { title, files, steps } of folders) {
  const folder = await mkdtemp(join(tmpdir(), 'jpegnet-first-hour-'))
  for (const [name, content] of Object.entries(await files())) {
    const path = join(folder, name)
    await mkdir(name.endsWith('/') ? path : dirname(path), { recursive: true })
    if (!name.endsWith('/')) await writeFile(path, content)
  }
  console.log(title)
  for (const step of steps) {
    const start = performance.now()
    const outcome = await ended(COMMAND, step.args, folder)
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    const found = await complaint(step, outcome, folder)
    if (found !== undefined) wrong += 1
    console.log(`  ${found === undefined ? 'right' : 'WRONG'} ${seconds.padStart(6)} s  jpegnet ${step.args.join(' ')}`)
    if (found !== undefined) console.log(`         ${found}`)
    if (found !== undefined || verbose) console.log(`${outcome.stdout}${outcome.stderr}`.replace(/^/gm, '         | '))
  }
  await rm(folder, { recursive: true, force: true })
}
console.log(wrong === 0 ? 'All ended as they must.' : `${wrong} commands did not end as they must.`)
process.exitCode = wrong === 0 ? 0 : 1
