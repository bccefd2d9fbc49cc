/** Every TypeScript sample of the README and docs/ compiles against the package's types. */
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { temporaryFolder } from '../fixtures/pictures.js'
import { blocks, PAGES, ROOT } from './pages.js'

const run = promisify(execFile)

/** What samples use without defining it: the names and their types. */
const GIVEN: Record<string, string> = {
  model: 'Model',
  tuned: 'Model',
  dataset: 'Dataset',
  data: 'Dataset',
  train: 'Dataset',
  test: 'Dataset',
  paths: 'Iterable<string>',
  out: 'string',
  mean: '[number, number, number]',
  std: '[number, number, number]',
}

test('the samples of the documentation compile', async t => {
  const exported = exportedNames(await readFile(join(ROOT, 'src-ts/index.ts'), 'utf8'))
  const folder = await temporaryFolder(t)
  let count = 0
  for (const page of PAGES) {
    for (const sample of blocks(page, 'ts')) {
      const name = `${page.path.replaceAll(/\W/g, '_')}_${++count}`
      await writeFile(join(folder, `${name}.mts`), complete(sample, exported))
    }
  }
  t.true(count > 10)
  const compilerOptions = {
    rootDir: '/',
    noEmit: true,
    noUnusedLocals: false,
    typeRoots: [join(ROOT, 'node_modules/@types')],
    paths: { jpegnet: [join(ROOT, 'src-ts/index.ts')] },
  }
  const config = { extends: join(ROOT, 'tsconfig.json'), compilerOptions, include: ['*.mts'], exclude: [] }
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout: string }) => error)
  t.is(stdout, '')
})

/** The values and types that the package exports. */
function exportedNames(index: string): { values: string[]; types: string[] } {
  const names = [...index.matchAll(/export \{([^}]*)\}/g)].flatMap(([, list = '']) => list.split(','))
  const trimmed = names.map(name => name.trim()).filter(name => name !== '')
  return {
    values: trimmed.filter(name => !name.startsWith('type ')),
    types: trimmed.filter(name => name.startsWith('type ')).map(name => name.slice(5)),
  }
}

/** A sample as a module: what it takes for granted is imported and declared before it. */
function complete(sample: string, { values, types }: { values: string[]; types: string[] }): string {
  if (/from 'jpegnet'/.test(sample)) return sample
  const code = sample.replace(/\/\/.*/g, '')
  const uses = (name: string) => new RegExp(`(?<![\\w.'-])${name}(?![\\w'-])(?!\\??:)`).test(code)
  const defines = (name: string) => new RegExp(`(const|let|function)\\s(?:(?! of |=)[^])*\\b${name}\\b`).test(code)
  const given = Object.entries(GIVEN).filter(([name]) => uses(name) && !defines(name))
  const neededTypes = types.filter(name => uses(name) || given.some(([, type]) => type.includes(name)))
  const neededValues = values.filter(name => uses(name) || given.some(([, type]) => type.split(/\W/).includes(name)))
  return [
    `import { ${[...neededValues, ...neededTypes.map(name => `type ${name}`)].join(', ')} } from 'jpegnet'`,
    ...given.filter(([name]) => !values.includes(name)).map(([name, type]) => `declare const ${name}: ${type}`),
    sample,
    'export {}',
  ].join('\n')
}
