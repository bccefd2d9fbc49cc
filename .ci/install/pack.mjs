// Packs the package and its platform packages as a release does, without touching the checkout.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Tarballs of the package and of a package for each platform; those that were not built here have a text in place of their addon.
 *
 * @param folder where to work and where the tarballs are left
 * @returns {Promise<{ manifest: object, main: Packed, platforms: Packed[] }>} with the package.json that is published
 * @typedef {{ file: string, names: string[] }} Packed a tarball and the names of the files in it
 */
export async function packPackages(folder) {
  // The napi CLI works on a copy, because its publishing steps write to package.json.
  const copy = join(folder, 'copy')
  await mkdir(copy, { recursive: true })
  for (const name of ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs', 'dist']) {
    await cp(join(root, name), join(copy, name), { recursive: true })
  }
  const napi = (...args) =>
    run(process.execPath, [join(root, 'node_modules/@napi-rs/cli/dist/cli.js'), ...args], { cwd: copy })
  await napi('create-npm-dirs')
  for (const name of await readdir(join(copy, 'npm'))) {
    const addon = join(copy, `dist/native/jpegnet.${name}.node`)
    if (!existsSync(addon)) await writeFile(addon, 'built on that platform alone')
  }
  await napi('artifacts', '--output-dir', 'dist/native', '--npm-dir', 'npm')
  await napi('pre-publish', '--tag-style', 'npm', '--no-gh-release', '--skip-optional-publish')
  const folders = (await readdir(join(copy, 'npm'))).map(name => join(copy, 'npm', name))
  const [main, ...platforms] = await Promise.all([copy, ...folders].map(path => pack(path, folder)))
  return { manifest: JSON.parse(await readFile(join(copy, 'package.json'), 'utf8')), main, platforms }
}

async function pack(path, folder) {
  const args = ['pack', '--json', '--pack-destination', folder, '--ignore-scripts']
  const { stdout } = await run('npm', args, { cwd: path, shell: process.platform === 'win32' })
  const [{ filename, files }] = JSON.parse(stdout)
  return { file: join(folder, filename), names: files.map(({ path: name }) => name) }
}
