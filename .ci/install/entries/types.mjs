// The types, by compilers of TypeScript in the settings that projects have.
import { text } from './programs.mjs'

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

/** @type {import('./entry.d.ts').Entry[]} */
export const types = [
  typescript('5.4.5', '^18', true),
  typescript('5.5.4', '^20'),
  typescript('5.6.3', '^20'),
  typescript('5.7.3', '^22'),
  typescript('5.8.3', '^22'),
  typescript('5.9.3', '^24', true),
  typescript('6.0.3', '^24'),
  typescript('7.0.2', '^24', true),
]
