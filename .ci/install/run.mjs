// Installs the packed package as `npm install jpegnet` would, from a registry on this machine and without a compiler, and tries it in
// builders and runtimes. Prints a table of what was tried; ends with 1 if anything failed.
//
//   node .ci/install/run.mjs [--all] [--docs] [--keep] [words of names…]
//
// With --docs what came of it is written into docs/bundlers.md; without, it fails where that page says otherwise.
import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, delimiter, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { entries } from './entries.mjs'
import { packPackages } from './pack.mjs'
import { startRegistry } from './registry.mjs'
import { differences, writeRows } from './table.mjs'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const pictures = fileURLToPath(new URL('../../__test__/fixtures/jpegs', import.meta.url))
const ADDON = 'jpegnet-linux-x64-gnu/jpegnet.linux-x64-gnu.node'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: 'boolean' }, docs: { type: 'boolean' }, keep: { type: 'boolean' } },
})
const chosen = entries.filter(({ name, core }) =>
  positionals.length > 0
    ? positionals.some(word => name.toLowerCase().includes(word.toLowerCase()))
    : (core ?? false) || values.all,
)

if (!existsSync(join(here, 'node_modules/verdaccio'))) {
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--loglevel=error'], { cwd: here, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
const folder = await mkdtemp(join(tmpdir(), 'jpegnet-install-'))
const packed = await packPackages(join(folder, 'packed'))
const registry = await startRegistry(
  join(folder, 'registry'),
  [...packed.platforms, packed.main].map(({ file }) => file),
)
const rows = []
try {
  const PATH = await barePath(join(folder, 'bin'))
  await makePictures(join(folder, 'made'))
  for (const [number, entry] of chosen.entries()) {
    const began = performance.now()
    const row = await tried(entry, join(folder, `${number}`), PATH)
    rows.push({ name: entry.name, ...row, seconds: (performance.now() - began) / 1000 })
    const { name, said, seconds } = rows.at(-1)
    if (values.docs) await writeRows(entries, new Map([[name, said]]))
    console.log(`${name.padEnd(44)} ${said.padEnd(16)} ${seconds.toFixed(1).padStart(6)} s`)
  }
} finally {
  await registry.stop()
  if (values.keep) console.log(`left in ${folder}`)
  else await rm(folder, { recursive: true, force: true })
}
const failures = rows.filter(({ failed }) => failed)
console.log(`${rows.length - failures.length} passed, ${failures.length} failed`)
const wrong = await differences(entries, new Map(rows.map(({ name, said }) => [name, said])))
if (wrong.length > 0) console.error(`${wrong.join('\n')}\nnpm run test:install -- --all --docs writes the table`)
process.exitCode = failures.length + wrong.length > 0 ? 1 : 0

async function tried({ packages = {}, files = {}, installed = 'jpegnet', run: steps, name: entry }, project, PATH) {
  try {
    await mkdir(project)
    const write = (name, text) => writeFile(join(project, name), text)
    await write('.npmrc', registry.npmrc)
    await write('package.json', JSON.stringify({ name: 'stranger', private: true, dependencies: packages }))
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(project, name, '..'), { recursive: true })
      await write(name, text)
    }
    await cp(join(folder, 'made'), project, { recursive: true })
    const env = { PATH: `${join(project, 'node_modules/.bin')}${delimiter}${PATH}`, HOME: process.env.HOME, CI: 'true' }
    const execIn = async (cwd, line, expected, more = {}) => {
      const [command, ...args] = line.split(' ')
      const path = command.startsWith('node_modules/') ? resolve(cwd, command) : command
      const options = { cwd, env: { ...env, ...more }, timeout: 600_000, maxBuffer: 1 << 26 }
      const { stdout, stderr } = await run(path, args, options)
      if (expected && !expected.test(stdout + stderr)) throw new Error(`${line} did not say ${expected}`)
      return stdout + stderr
    }
    const exec = (line, expected, more) => execIn(project, line, expected, more)
    /** Runs a command where there are these files of the project and the pictures, and no packages but those among the files. */
    const away = async (paths, line, expected, more) => {
      const place = `${project}-away`
      await cp(join(folder, 'made'), place, { recursive: true })
      for (const path of paths) {
        const isFolder = (await stat(join(project, path))).isDirectory()
        await cp(join(project, path), isFolder ? place : join(place, basename(path)), { recursive: true })
      }
      await rm(join(project, 'node_modules'), { recursive: true })
      return execIn(place, line, expected, more)
    }
    /** Runs a bundle that was taken away with the addon beside it. */
    const deployed = (bundle, expected, main = bundle) =>
      away([bundle, `node_modules/${ADDON}`], `node ${main}`, expected)
    const fails = async (line, expected) => {
      const error = await exec(line).then(
        () => undefined,
        cause => cause,
      )
      if (!error || !expected.test(error.stderr))
        throw new Error(`${line} did not fail with ${expected}: ${error?.stderr}`)
    }
    /** Runs a command in a folder of the project that has pictures of its own. */
    const execBelow = async (name, line, expected, more) => {
      await cp(join(folder, 'made'), join(project, name), { recursive: true })
      return execIn(join(project, name), line, expected, more)
    }
    await exec(`npm install ${installed}`)
    const said = await steps({ exec, execBelow, fails, write, away, deployed, project, registry })
    return { said: typeof said === 'string' && said.length < 20 && !said.includes('\n') ? said : 'works' }
  } catch (error) {
    const { message, stdout = '', stderr = '' } = error
    console.error(`${entry}: ${message}\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`)
    return { failed: true, said: 'FAILED' }
  }
}

/** A stranger's machine: Node, npm and a shell are all that it has. */
async function barePath(bin) {
  await mkdir(bin)
  const directories = process.env.PATH?.split(delimiter) ?? []
  for (const name of ['node', 'npm', 'npx', 'sh']) {
    const path = name === 'node' ? process.execPath : directories.map(at => join(at, name)).find(existsSync)
    await symlink(await realpath(path), join(bin, name))
  }
  return bin
}

/** Two classes of pictures, as a folder, a list and an archive. */
async function makePictures(made) {
  const lines = []
  for (let number = 0; number < 8; number++) {
    const path = `pictures/${number % 2 ? 'odd' : 'even'}/${number}.jpg`
    await cp(join(pictures, `${number}.jpg`), join(made, path))
    lines.push(`${path},${number % 2 ? 'odd' : 'even'}`)
  }
  await writeFile(join(made, 'pictures.csv'), `${lines.join('\n')}\n`)
  await run('tar', ['-cf', 'pictures.tar', '-C', 'pictures', 'even', 'odd'], { cwd: made })
}
