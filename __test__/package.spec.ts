/** The package as a user gets it: packed, installed into an empty folder without a compiler, imported, run. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { entries } from '../.ci/install/entries.mjs'
import { packPackages } from '../.ci/install/pack.mjs'
import { beginning, readRows } from '../.ci/install/table.mjs'
import { jpegPaths, temporaryFolder } from './fixtures/pictures.js'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const platform = 'linux-x64-gnu'

/** Whether the binary was built for this machine: it is not on other systems, nor on Linux with musl. */
const ready =
  process.platform === 'linux' &&
  process.arch === 'x64' &&
  existsSync(join(root, `dist/native/jpegnet.${platform}.node`))

/** A user's machine: Node, npm and a shell are all that it has. */
async function bareEnvironment(folder: string): Promise<NodeJS.ProcessEnv> {
  await mkdir(folder)
  const directories = process.env['PATH']?.split(delimiter) ?? []
  for (const name of ['node', 'npm', 'npx', 'sh']) {
    const path = name === 'node' ? process.execPath : directories.map(at => join(at, name)).find(existsSync)
    await symlink(await realpath(path ?? name), join(folder, name))
  }
  return { PATH: folder, HOME: process.env['HOME'], npm_config_cache: process.env['npm_config_cache'] }
}

;(ready ? test : test.skip)('the packed package installs without a compiler and runs the README', async t => {
  const folder = await temporaryFolder(t)
  const { manifest, main, platforms } = await packPackages(folder)
  t.deepEqual(manifest.optionalDependencies?.[`jpegnet-${platform}`], manifest.version)
  const addon = platforms.find(({ names }) => names.includes(`jpegnet.${platform}.node`))
  t.false(
    main.names.some(path => path.endsWith('.node')),
    'the binary is in the platform package alone',
  )
  for (const path of ['LICENSE', 'docs/notices.md', 'dist/notices.txt']) t.true(main.names.includes(path), path)

  const user = join(folder, 'user')
  await mkdir(join(user, 'photos/train/even'), { recursive: true })
  await mkdir(join(user, 'photos/train/odd'))
  await Promise.all(
    jpegPaths.map((path, index) => cp(path, join(user, `photos/train/${index % 2 ? 'odd' : 'even'}/${index}.jpg`))),
  )
  await cp(jpegPaths[0] as string, join(user, 'photos/unknown.jpg'))
  await writeFile(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  const tarballs = [addon, main].map(packed => packed?.file ?? '')
  const bare = await bareEnvironment(join(folder, 'bin'))
  for (const tool of ['cargo', 'rustc', 'cc', 'gcc', 'clang', 'make', 'python3']) {
    await t.throwsAsync(run(tool, ['--version'], { env: bare }), { code: 'ENOENT' }, `no ${tool} on this PATH`)
  }
  await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', ...tarballs], { cwd: user, env: bare })

  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const program = /<!-- example: twenty-lines -->\n```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? ''
  t.true(program.trim().split('\n').length <= 25)
  await writeFile(join(user, 'program.ts'), program)
  const options = ['--strict', '--noUncheckedIndexedAccess', '--module', 'nodenext', '--target', 'es2023']
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
  await run(process.execPath, [tsc, ...options, ...types, 'program.ts'], { cwd: user })
  const { stdout } = await run(process.execPath, ['program.js'], { cwd: user, env: bare })
  t.regex(stdout, /small: input 3×32×32/)
  t.regex(stdout, /\n5 \d+\.\d+ \d/)
  t.regex(stdout, /label: '(even|odd)', probability/)
  t.true((await readdir(user)).includes('small.model'))

  const jpegnet = (...args: string[]) => run('npx', ['--no', 'jpegnet', ...args], { cwd: user, env: bare })
  const inspected = await jpegnet('inspect', 'photos/unknown.jpg', '--json')
  t.like(JSON.parse(inspected.stdout), { width: 32, height: 32 })

  // Pages are made of more files than programs import.
  await jpegnet('explain', 'small.model', 'photos/unknown.jpg', '--out', 'page.html')
  t.regex(await readFile(join(user, 'page.html'), 'utf8'), /class Features[\s\S]*<\/html>/)
  await jpegnet('experiment', 'relu-blocks', '--out', 'blocks', '--quick')
  t.true((await readdir(join(user, 'blocks'))).includes('report.html'))
  await cp(join(user, 'photos/train'), join(user, 'photos/test'), { recursive: true })
  const compared = jpegnet('experiment', 'conversion', '--data', 'photos', '--out', 'conversion', '--quick')
  const { stderr } = (await t.throwsAsync(compared)) as Error & { stderr: string }
  t.regex(
    stderr,
    /conversion: expected onnxruntime-node beside this package \(npm install onnxruntime-node\), found none/,
  )
  t.false((await readdir(user)).includes('conversion'), 'before anything is done')
})

test('the table of builders and runtimes has a row for each that is tried, in the versions that are tried', async t => {
  const rows = await readRows()
  t.deepEqual(
    rows.map(row => row.replace(/[^|]*\|$/, ' ')),
    entries.map(beginning),
  )
})
