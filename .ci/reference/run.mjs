// The reference as HTML in .docs, from the docstrings of all that the package exports. Every warning is an error.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('.', import.meta.url))

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: here, stdio: 'inherit', shell: process.platform === 'win32' })
  if (status !== 0) process.exit(status ?? 1)
}

if (!existsSync(new URL('node_modules/typedoc/package.json', import.meta.url))) {
  run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'])
}
run(process.execPath, ['node_modules/typedoc/bin/typedoc'])
