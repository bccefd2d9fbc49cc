// Programs that builders put together. Each makes a page of `explainPicture`, and where all is in the bundle it runs again in a folder
// that has the bundle and the addon alone.
import { DONE, IMPORTS, PROGRAM, text, TYPED } from './programs.mjs'

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

/** What projects that bundle CommonJS by Rollup have: resolution, CommonJS and JSON are plugins. */
const ROLLUP = `import commonjs from '@rollup/plugin-commonjs'
import json from '@rollup/plugin-json'
import resolve from '@rollup/plugin-node-resolve'

export default {
  input: 'program.mjs',
  plugins: [resolve({ preferBuiltins: true }), commonjs(), json()],
  output: { dir: 'built', inlineDynamicImports: true, FORMAT },
}
`

const rollup = (name, format, bundle) => ({
  name: `Rollup to ${name}`,
  core: true,
  packages: {
    rollup: '4.68.8',
    '@rollup/plugin-commonjs': '29.0.3',
    '@rollup/plugin-json': '6.1.0',
    '@rollup/plugin-node-resolve': '16.0.3',
  },
  files: {
    'program.mjs': IMPORTS,
    'rollup.config.mjs': ROLLUP.replace('FORMAT', `format: '${format}', entryFileNames: '${bundle}'`),
  },
  async run({ exec, deployed }) {
    await exec('rollup -c rollup.config.mjs')
    await exec(`node built/${bundle}`, DONE)
    await deployed('built', DONE, bundle)
  },
})

/** Its 9 needs Node 22. With `all` the packages are in the bundle; without, tsup leaves those of package.json outside. */
const tsup = (all, format) => ({
  name: all
    ? `tsup to ${format === 'cjs' ? 'CommonJS' : 'ES modules'}, all bundled`
    : 'tsup to CommonJS and ES modules',
  packages: { tsup: '8.5.1', typescript: '5.9.3' },
  files: {
    'program.ts': TYPED,
    'tsup.config.mjs': all ? `export default { noExternal: [/./] }\n` : 'export default {}\n',
  },
  async run({ exec, deployed }) {
    if (!all) {
      await exec('tsup program.ts --format cjs,esm')
      await exec('node dist/program.js', DONE)
      await exec('node dist/program.mjs', DONE)
      return
    }
    await exec(`tsup program.ts --format ${format}`)
    const bundle = format === 'cjs' ? 'program.js' : 'program.mjs'
    await exec(`node dist/${bundle}`, DONE)
    await deployed('dist', DONE, bundle)
  },
})

/** @type {import('./entry.d.ts').Entry[]} */
export const builders = [
  esbuild('CommonJS', 'cjs'),
  esbuild('ES modules', 'esm'),
  {
    name: 'esbuild, packages left outside',
    core: true,
    packages: { esbuild: '0.28.2' },
    files: { 'program.ts': TYPED },
    async run({ exec }) {
      for (const [format, bundle] of Object.entries({ cjs: 'bundle.cjs', esm: 'bundle.mjs' })) {
        await exec(
          `esbuild program.ts --bundle --platform=node --packages=external --format=${format} --outfile=${bundle}`,
        )
        await exec(`node ${bundle}`, DONE)
      }
    },
  },
  rollup('CommonJS', 'cjs', 'bundle.cjs'),
  rollup('ES modules', 'es', 'bundle.mjs'),
  tsup(false),
  tsup(true, 'cjs'),
  tsup(true, 'esm'),
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
    name: 'Vite SSR, development server',
    packages: { vite: '8.4.0' },
    files: {
      'program.mjs': PROGRAM.replace('async function', 'export async function'),
      'server.mjs': text('vite.mjs'),
    },
    run: ({ exec }) => exec('node server.mjs', DONE),
  },
]
