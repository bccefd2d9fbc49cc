// What a program gets of the package: one implementation for `import` and `require` in Node, and its types in one file. Bundlers
// take dist/index.js and what it imports; see docs/bundlers.md.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'

const root = fileURLToPath(new URL('../', import.meta.url))
const dist = join(root, 'dist')
const entry = join(dist, 'index.js')

/** Dependencies that cannot be required on every Node that this package supports: they become part of the file. */
const INSIDE = ['modern-tar', '@observablehq/plot', 'linkedom']

/** Names that the types use, for programs whose types are neither a browser's nor Node's; beside those they add nothing. */
const GLOBALS = `declare global {
  interface AbortSignal {}
  interface SymbolConstructor {
    readonly dispose: unique symbol
  }
}
`

const { metafile } = await build({
  entryPoints: [entry],
  outfile: join(dist, 'index.cjs'),
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  // Tests of Jest in CommonJS have no import().
  supported: { 'dynamic-import': false },
  plugins: [{ name: 'dependencies', setup: leaveDependencies }],
  // The loader of the addon knows that this form has no import.meta.
  logOverride: { 'empty-import-meta': 'silent' },
  logLevel: 'warning',
  metafile: true,
  absWorkingDir: root,
})
writeFileSync(join(dist, 'notices.txt'), notices(Object.keys(metafile.inputs)))

// Names are written out, since tools disagree about what `export *` takes from a CommonJS file.
const names = (await exportsOf(entry)).map(name => `  ${name},\n`)
writeFileSync(join(dist, 'index.mjs'), `export {\n${names.join('')}} from './index.cjs'\n`)

const types = await rollup({
  input: join(root, 'src-ts/index.ts'),
  plugins: [dts({ compilerOptions: { stripInternal: true } })],
  external: /^[^./]/,
  onwarn: warning => {
    throw new Error(warning.message)
  },
})
await types.write({ file: join(dist, 'index.d.cts'), format: 'es', banner: GLOBALS })
writeFileSync(join(dist, 'index.d.mts'), `export * from './index.cjs'\n`)

function leaveDependencies({ onResolve }) {
  onResolve({ filter: /^[^./#]/ }, ({ path, importer }) => {
    if (importer === '' || importer.includes('node_modules')) return
    return INSIDE.includes(path) ? undefined : { path, external: true }
  })
}

async function exportsOf(file) {
  const options = { bundle: true, packages: 'external', platform: 'node', format: 'esm', write: false, metafile: true }
  const { metafile: made } = await build({ entryPoints: [file], outdir: dist, ...options })
  return Object.values(made.outputs)[0].exports
}

/** The licences of the packages whose files are in the one file. */
function notices(inputs) {
  const folders = new Set(inputs.flatMap(input => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []))
  const texts = [...folders].sort().map(folder => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
    const file = readdirSync(join(root, folder)).find(found => /^licen[cs]e/i.test(found))
    const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : `Licence: ${license}`
    return `${name} ${version}\n\n${text}\n`
  })
  return `The file index.cjs contains the work of others, with thanks.\n\n${texts.join('\n---\n\n')}`
}
