// Makes a fresh clone ready: installs what package-lock.json names if it is not there yet. Plain Node, because it runs
// before anything is installed.
import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('../', import.meta.url)
const modified = path => statSync(new URL(path, root), { throwIfNoEntry: false })?.mtimeMs ?? 0

// npm writes this file last, so it is as old as the last complete install.
if (modified('node_modules/.package-lock.json') < modified('package-lock.json')) {
  // The level is given because a silent parent would silence npm's errors too.
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: fileURLToPath(root),
    // onnxruntime-node would fetch what it needs for GPUs; what it needs here is in the package.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  process.exit(status ?? 1)
}
