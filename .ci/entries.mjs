// What a program gets of the package: one implementation for `import` and `require` in Node, and its types in one file. Bundlers
// take dist/index.js and what it imports; see docs/bundlers.md.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { rollup } from 'rollup'
import { dts } from 'rollup-plugin-dts'

const dist = fileURLToPath(new URL('../dist/', import.meta.url))

/** Dependencies that cannot be required on every Node that this package supports: they become part of the file. */
const INSIDE = ['modern-tar', '@observablehq/plot']

await build({
  entryPoints: [`${dist}index.js`],
  outfile: `${dist}index.cjs`,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  plugins: [{ name: 'dependencies', setup: leaveDependencies }],
  // The loader of the addon knows that this form has no import.meta.
  logOverride: { 'empty-import-meta': 'silent' },
  legalComments: 'inline',
  logLevel: 'warning',
})

// Where neither lib.dom nor @types/node are among a program's types, these names are there all the same; where they are, it adds nothing.
const GLOBALS = `declare global {
  interface AbortSignal {}
  interface SymbolConstructor {
    readonly dispose: unique symbol
  }
}
`

const types = await rollup({
  input: fileURLToPath(new URL('../src-ts/index.ts', import.meta.url)),
  plugins: [dts({ compilerOptions: { stripInternal: true } })],
  external: /^[^./]/,
  onwarn: warning => {
    throw new Error(warning.message)
  },
})
await types.write({ file: `${dist}index.d.cts`, format: 'es', banner: GLOBALS })
writeFileSync(`${dist}index.d.mts`, `export * from './index.cjs'\n`)

function leaveDependencies({ onResolve }) {
  onResolve({ filter: /^[^./#]/ }, ({ path, importer }) => {
    if (importer === '' || importer.includes('node_modules')) return
    return INSIDE.includes(path) ? undefined : { path, external: true }
  })
}

async function exportsOf(file) {
  const { metafile: of } = await build({
    entryPoints: [file],
    outdir: dist,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    write: false,
    metafile: true,
  })
  return Object.values(of.outputs)[0]
}
