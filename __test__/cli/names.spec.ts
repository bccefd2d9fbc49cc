/** Names of files and classes that would tell a terminal what to do. */
import { join } from 'node:path'
import test from 'ava'
import { fixture, folderOf, jpegs } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

// Sets a terminal's title; clears it, as one byte of Latin-1 and as two; ends a line; turns writing round.
const evil = '\u001b]0;x\u0007 \u009b2J \u001b[2J \r\nb \u202e'
const obeyed = /[^\P{Cc}\n]|\u202e|^b /mu

// Windows has no such names.
const elsewhere = process.platform === 'win32' ? test.skip : test
elsewhere('names never reach a terminal as anything but text', async t => {
  const [a, b] = jpegs as [Buffer, Buffer]
  const folder = await folderOf(t, {
    [`set/${evil}/1.jpg`]: a,
    [`set/cat/${evil}.jpg`]: b,
    [`set/cat/2${evil}.jpg`]: 'no picture',
    [`set/cat/3${evil}.txt`]: '',
    [`list${evil}.csv`]: 'none',
  })
  const [data, out, list] = [join(folder, 'set'), join(folder, 'a.model'), join(folder, `list${evil}.csv`)]
  const brief = ['--epochs', '1', '--batch-size', '2']
  const runs = [
    ['train', data, '--out', out, '--skip-bad-files', ...brief],
    ['train', data, '--out', out, ...brief],
    ['train', list, '--out', out],
    ['evaluate', out, data, '--skip-bad-files'],
    ['inspect', data],
    ['inspect', join(data, 'cat', `${evil}.jpg`), '--json'],
    ['predict', out, data],
    ['predict', out, data, '--json'],
    ['card', out],
    ['predict', fixture('reference/paper_resnet.safetensors'), evil],
    ['train', data, '--out', out, '--model', evil],
  ]
  for (const args of runs) {
    const { lines, json, stderr } = await jpegnet(args)
    const all = `${lines.join('\n')}\n${stderr}`
    t.regex(all, /\\u001b|saved/, all)
    t.notRegex(all, obeyed, args.join(' '))
    if (!args.includes('--json')) continue
    t.true(json.length > 0)
    for (const { file, error } of json as { file: string; error?: { message: string } }[]) {
      t.true(file.includes(evil), file)
      t.true(error === undefined || error.message.includes(evil))
    }
  }
})
