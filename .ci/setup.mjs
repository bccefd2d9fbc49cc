// Makes a fresh clone ready: installs what package-lock.json names if it is not there yet, and with --build builds the
// package if it was never built. Plain Node, because it runs before anything is installed.
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const modified = path => statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0

function npm(...args) {
  const { status } = spawnSync('npm', args, { cwd: fileURLToPath(root), stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

// npm writes this file last, so it is as old as the last complete install.
if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  npm('ci', '--no-audit', '--no-fund')
}
if (process.argv.includes('--build') && !(existsSync(new URL('dist/index.js', root)) && existsSync(new URL('dist/native/binding.js', root)))) {
  npm('run', 'build')
}
