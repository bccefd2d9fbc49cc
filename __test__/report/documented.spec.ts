/** The programs of docs/evaluating.md, run as they are printed. */
import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { createModel, paperResnet } from '../../src-ts/index.js'
import { jpegPaths, temporaryFolder } from '../fixtures/pictures.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

test('the programs of docs/evaluating.md run and write their pages', async t => {
  const folder = await temporaryFolder(t)
  for (const [index, path] of jpegPaths.entries()) {
    for (const set of ['train', 'test']) {
      const file = join(folder, `photos/${set}/${index % 2 ? 'odd' : 'even'}/${index}.jpg`)
      await mkdir(dirname(file), { recursive: true })
      await cp(path, file)
    }
  }
  using model = createModel(paperResnet({ classes: 2 }), { labels: ['even', 'odd'] })
  await model.save(join(folder, 'photos.model'))
  const text = await readFile(join(root, 'docs/evaluating.md'), 'utf8')
  const programs = [...text.matchAll(/<!-- example: ([\w-]+) -->\n```ts\n([^]*?)```/g)]
  t.deepEqual(
    programs.map(([, name]) => name),
    ['evaluating', 'evaluating-training'],
  )
  const index = pathToFileURL(join(root, 'src-ts/index.ts')).href
  for (const [, name = '', program = ''] of programs) {
    const file = join(folder, `${name}.mts`)
    await writeFile(file, program.replace("from 'jpegnet'", `from '${index}'`))
    await run(process.execPath, ['--import', import.meta.resolve('tsx'), file], { cwd: folder })
  }
  t.regex(await readFile(join(folder, 'test.html'), 'utf8'), /Worst files|No mistakes/)
  t.regex(await readFile(join(folder, 'run.html'), 'utf8'), /aria-label="learning rate over the epochs"/)
})
