/** Every command line and option that the README, docs/ and the command's own help name exists. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import type { Command } from 'commander'
import { createProgram } from '../../src-ts/cli/program.js'
import { blocks, inlineCode, PAGES, ROOT } from './pages.js'

/** The words of the `jpegnet` command in a line of a shell, without prompt, pipes, redirections and comment. */
function commandWords(line: string): string[] | undefined {
  const [, command] = /(?:^|[|(] *|npx )jpegnet +([^|>#\n]*)/.exec(line.replace(/^\$ /, '')) ?? []
  if (command === undefined || command.includes('…')) return undefined
  return (command.match(/"[^"]*"|'[^']*'|\S+/g) ?? []).map(word => word.replace(/^(["'])(.*)\1$/, '$2'))
}

/** Parses a command line and runs nothing. Throws where it is wrong. */
function parse(words: readonly string[]): void {
  const program = createProgram()
  const quiet = (command: Command) => command.configureOutput({ outputError: () => {}, writeOut: () => {} })
  quiet(program)
  for (const command of program.commands) quiet(command).action(() => {})
  program.parse(words, { from: 'user' })
}

const ofShell = (text: string) =>
  text.split('\n').filter(line => line.startsWith('$ ') || line.startsWith('find ') || line.startsWith('jpegnet '))

test('the command lines of the documentation parse', t => {
  const lines = PAGES.flatMap(page => [
    ...blocks(page, 'console').flatMap(ofShell),
    ...inlineCode(page).filter(code => /^jpegnet [a-z]+ /.test(code)),
  ])
  const commands = lines.map(line => [line, commandWords(line)] as const)
  let count = 0
  for (const [line, words] of commands) {
    if (words === undefined || words.includes('--help') || words.includes('--version')) continue
    count++
    t.notThrows(() => parse(words), line)
  }
  t.true(count > 30)
})

test('the examples of every help text parse', t => {
  for (const command of createProgram().commands) {
    let help = ''
    command.configureOutput({ writeOut: text => void (help += text) }).outputHelp()
    const lines = help.split('\n').map(line => line.trim())
    const given = lines.slice(lines.findIndex(line => /^Examples?:$/.test(line)) + 1).filter(line => line !== '')
    t.true(given.length > 0, command.name())
    for (const line of given) t.notThrows(() => parse(commandWords(line) ?? []), line)
  }
})

test('the options that the documentation names are options of a command', t => {
  const program = createProgram()
  const options = [program, ...program.commands].flatMap(command => command.options)
  const known = new Set(options.flatMap(({ long, short }) => [long, short]))
  // Options of npm, Node, of npm scripts and of the example of a service.
  const others = ['--help', '--ignore-scripts', '--omit=optional', '--no-optional', '--bytes', '--pixels', '--requests']
  for (const extra of [...others, '--largest-batch', '--threads']) known.add(extra)
  for (const page of PAGES) {
    for (const code of inlineCode(page)) {
      const [option = ''] = /^--?[a-z][\w-]*(=optional)?/.exec(code) ?? []
      if (option !== '') t.true(known.has(option), `${page.path}: ${code}`)
    }
  }
})

test('the scripts that the documentation runs exist', t => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: object }
  for (const { path, text } of PAGES) {
    for (const [, name = ''] of text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)) {
      t.true(name in scripts, `${path}: npm run ${name}`)
    }
    for (const [, name = ''] of text.matchAll(/cargo bench --bench (\w+)/g)) {
      t.true(existsSync(join(ROOT, `benches/${name}.rs`)), `${path}: --bench ${name}`)
    }
    for (const [, crate = '', name = ''] of text.matchAll(/-p jpegnet-(\w+)\s+--example (\w+)/g)) {
      t.true(existsSync(join(ROOT, `crates/${crate}/examples/${name}.rs`)), `${path}: --example ${name}`)
    }
  }
})

test('the error codes that the documentation names exist', t => {
  const codes = readFileSync(join(ROOT, 'src-ts/errors.ts'), 'utf8')
  for (const page of PAGES) {
    for (const code of inlineCode(page)) {
      if (/^[A-Z]+(_[A-Z]+)+$/.test(code) && !/^JPEGNET_|^LOAD_/.test(code)) t.true(codes.includes(`'${code}'`), code)
    }
  }
})
