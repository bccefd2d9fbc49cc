/** That what holds the layers sees every import. */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { temporaryFolder } from '../fixtures/pictures.js'
import { circlesOf, circleText } from './circles.js'
import { rustImports } from './rust.js'
import { typescriptImports } from './typescript.js'

async function written(t: ExecutionContext, files: Record<string, string>): Promise<string> {
  const folder = await temporaryFolder(t)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  return folder
}

test('files that need each other for a type are a circle, and what ties them is told', async t => {
  const folder = await written(t, {
    'a.ts': "import { b, type B } from './below/b.js'\n",
    'below/b.ts': "import type { A } from '../a.js'\nimport * as z from 'zod'\n",
    'c.ts': "export { b } from './below/b.js'\n",
  })
  const circles = circlesOf(typescriptImports(folder, '.').imports)
  t.deepEqual(circles.map(circleText), [
    'These files need each other: a.ts, below/b.ts\n  a.ts takes b, B from below/b.ts\n  below/b.ts takes A from a.ts',
  ])
})

test('a longer circle is one circle, and files beside it are not of it', t => {
  const arrows = ['ab', 'bc', 'ca', 'cd', 'de', 'xa']
  const circles = circlesOf(arrows.map(([from = '', to = '']) => ({ from, to, names: [] })))
  t.deepEqual(
    circles.map(({ files }) => files),
    [['a', 'b', 'c']],
  )
})

const imports = (folder: string) =>
  rustImports(folder).flatMap(({ from, to, names }) => names.map(name => `${from} ${to} ${name}`))

test('modules take from each other by use, by paths and by aliases of modules', async t => {
  const folder = await written(t, {
    'lib.rs': 'mod a; mod b; mod c;\n',
    'a.rs': 'use crate::{b::{One, Two as Other}, c};\nfn f() { c::three(); let x = crate::b::FOUR; }\n',
    'b.rs':
      'pub struct One; pub struct Two; pub const FOUR: u8 = 4;\n// use crate::a::f;\nconst TEXT: &str = "crate::a::f";\n',
    'c.rs': "pub fn three<'a>() { let quote = '\"'; super::b::five() }\n",
  })
  t.deepEqual(imports(folder), [
    'a.rs b.rs FOUR',
    'a.rs b.rs One',
    'a.rs b.rs Two',
    'a.rs c.rs three',
    'c.rs b.rs five',
  ])
})

test('a name is of the module that has it, whoever hands it on; to declare children and hand them on is no import', async t => {
  const folder = await written(t, {
    'lib.rs': 'mod a;\npub use a::Name;\n',
    'a/mod.rs': 'mod one;\nmod two;\npub(crate) use one::Name;\npub use self::two::*;\n',
    'a/one.rs': 'pub(in super::super) struct Name;\n',
    'a/two.rs': 'use super::Name;\npub struct Last;\nmod tests { use super::Last; use crate::Name; }\n',
    'b.rs': 'use crate::a::Last;\n',
  })
  t.deepEqual(imports(folder), ['a/two.rs a/one.rs Name', 'b.rs a/two.rs Last'])
})

test('a module that uses its children needs them, also those that it hands on', async t => {
  const folder = await written(t, {
    'lib.rs': 'mod a;\n',
    'a.rs': 'mod child;\nmod other;\npub use child::Name;\npub struct Own(Name);\nfn f() { other::g() }\n',
    'a/child.rs': 'use super::Own;\n',
    'a/other.rs': 'pub fn g() {}\n',
  })
  t.deepEqual(imports(folder), ['a.rs a/child.rs Name', 'a.rs a/other.rs g', 'a/child.rs a.rs Own'])
})
