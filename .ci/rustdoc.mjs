// The Rust documentation, with every warning an error.
import { spawnSync } from 'node:child_process'

const env = { ...process.env, RUSTDOCFLAGS: '-D warnings' }
const { status } = spawnSync('cargo', ['doc', '--workspace', '--no-deps', '--quiet'], { env, stdio: 'inherit' })
process.exit(status ?? 1)
