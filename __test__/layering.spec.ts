import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { circlesOf, circleText, type Import } from './imports/circles.js'
import { rustImports } from './imports/rust.js'
import { typescriptImports } from './imports/typescript.js'

const root = fileURLToPath(new URL('..', import.meta.url))

const { files, imports } = typescriptImports(join(root, 'src-ts'), '.')
const inside = imports.filter(({ to }) => files.includes(to))
const part = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\.ts$/, ''))

/** What everything may use, because it uses nothing itself. */
const common = ['csv', 'errors', 'numbers', 'options', 'table']

/** Which other parts of src-ts each part may use. */
const mayUse: Record<string, string[]> = {
  csv: [],
  errors: [],
  numbers: [],
  table: [],
  options: ['errors'],
  native: common,
  runtime: ['native', ...common],
  files: ['native', ...common],
  layers: common,
  data: ['layers', 'native', ...common],
  transforms: ['layers', 'native', ...common],
  weights: ['layers', 'native', ...common],
  model: ['train', 'data', 'transforms', 'weights', 'layers', 'native', ...common],
  train: ['model', 'data', 'transforms', 'weights', 'layers', 'native', 'files', ...common],
  models: ['model', 'transforms', 'layers', ...common],
  experiments: [
    'convert',
    'export',
    'transforms',
    'report',
    'train',
    'weights',
    'models',
    'model',
    'layers',
    'data',
    'native',
    'files',
    'runtime',
    ...common,
  ],
  explain: ['transforms', 'report', 'model', 'data', ...common],
  export: ['model', 'train', 'weights', 'native', 'files', ...common],
  convert: ['models', 'model', 'transforms', 'weights', 'layers', 'native', ...common],
  recommend: ['train', 'data', 'models', 'model', 'transforms', 'layers', ...common],
  report: ['model', 'train', 'data', 'weights', 'layers', 'runtime', ...common],
  index: [
    'convert',
    'experiments',
    'explain',
    'export',
    'recommend',
    'report',
    'train',
    'data',
    'weights',
    'models',
    'model',
    'transforms',
    'layers',
    'runtime',
    ...common,
  ],
  cli: ['index', 'convert', 'data', 'files', ...common],
}

test('every import inside src-ts is found', t => {
  const relatives = imports.filter(({ to }) => !/^(node:|#|@|[a-z])/.test(to) || to.endsWith('.ts'))
  t.deepEqual(
    relatives.filter(({ to }) => !files.includes(to)),
    [],
  )
  t.true(inside.length > 100)
})

for (const [name, allowed] of Object.entries(mayUse)) {
  test(`${name} uses ${allowed.length === 0 ? 'no other part' : allowed.join(', ')}`, t => {
    const own = inside.filter(({ from }) => part(from) === name)
    t.true(files.some(file => part(file) === name))
    t.deepEqual(
      own.filter(({ to }) => part(to) !== name && !allowed.includes(part(to))),
      [],
    )
  })
}

test('every part of src-ts has its rule', t => {
  t.deepEqual(
    [...new Set(files.map(part))].filter(name => !(name in mayUse)),
    [],
  )
})

test('the addon is imported in one place', t => {
  const users = imports.filter(({ to }) => to === '#binding' || to === 'native/load.ts').map(({ from }) => from)
  t.deepEqual([...new Set(users)].sort(), ['native/addon.ts', 'native/load.ts'])
})

/** Files that need each other all the same, each circle with the reason why. */
interface Exception {
  files: string[]
  reason: string
}

const noCircles = test.macro((t, imports: () => readonly Import[], exceptions: readonly Exception[] = []) => {
  const circles = circlesOf(imports())
  const key = (files: readonly string[]) => [...files].sort().join(', ')
  const excepted = exceptions.map(({ files }) => key(files))
  t.is(
    circles
      .filter(({ files }) => !excepted.includes(key(files)))
      .map(circleText)
      .join('\n\n'),
    '',
    'put what they share into a file that knows neither',
  )
  const found = circles.map(({ files }) => key(files))
  t.deepEqual(
    excepted.filter(files => !found.includes(files)),
    [],
    'exceptions that are no longer needed',
  )
})

for (const folder of ['src-ts', 'benches', '__test__', 'examples', '.ci']) {
  test(
    `no files of ${folder} need each other, for types either`,
    noCircles,
    () => typescriptImports(root, folder).imports,
  )
}

/** Which crates each crate may depend on. */
const crates: Record<string, string[]> = {
  kernels: [],
  jpeg: [],
  engine: ['kernels', 'jpeg'],
  binding: ['engine', 'jpeg'],
}

for (const [name, allowed] of Object.entries(crates)) {
  test(`the crate ${name} depends on ${allowed.length === 0 ? 'no other crate' : allowed.join(' and ')}`, t => {
    const manifest = readFileSync(join(root, 'crates', name, 'Cargo.toml'), 'utf8')
    const tables = manifest.split(/^\[/m).filter(table => /^(target\..*\.)?(build-)?dependencies[.\]]/.test(table))
    t.true(tables.length > 0)
    const own = [...tables.join('\n').matchAll(/\bjpegnet-(\w+)/g)].map(([, crate]) => crate as string)
    t.deepEqual([...new Set(own)].sort(), allowed.toSorted())
  })
}

/** Circles in crates, which are to be taken out. */
const circlesLeft: Record<string, Exception[]> = {
  engine: [
    {
      files: ['network.rs', 'network/infer.rs'],
      reason: 'the methods of inference are of the struct that has its state',
    },
    {
      files: [
        'training/execute.rs',
        'training/execute/convolution.rs',
        'training/execute/finish.rs',
        'training/execute/maps.rs',
        'training/execute/wide.rs',
      ],
      reason: 'the parts of a step are called by the file that has the batch they are given',
    },
    { files: ['view/colours.rs', 'view/mod.rs'], reason: 'a colour is defined where views list what is done to it' },
  ],
}

for (const name of Object.keys(crates)) {
  test(
    `no modules of the crate ${name} need each other`,
    noCircles,
    () => rustImports(join(root, 'crates', name, 'src')),
    circlesLeft[name],
  )
}

test('every crate has its rule', t => {
  const found = readdirSync(join(root, 'crates'), { withFileTypes: true }).filter(entry => entry.isDirectory())
  t.deepEqual(found.map(({ name }) => name).sort(), Object.keys(crates).sort())
})

test('the engine and the binding have no unsafe code, kernels and jpeg in one place each', t => {
  const rust = (crate: string) =>
    readdirSync(join(root, 'crates', crate, 'src'), { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.rs'))
      .map(name => join(root, 'crates', crate, 'src', name))
  const unsafeFiles = (crate: string) =>
    rust(crate)
      .filter(file => /\bunsafe\s*(\{|fn|impl|extern)/.test(readFileSync(file, 'utf8')))
      .map(file => relative(join(root, 'crates', crate, 'src'), file).replaceAll('\\', '/'))
  t.deepEqual(unsafeFiles('engine'), [])
  t.deepEqual(unsafeFiles('binding'), [])
  t.true(unsafeFiles('jpeg').every(file => file.startsWith('libjpeg')))
  t.true(unsafeFiles('kernels').every(file => file.startsWith('isa')))
})
