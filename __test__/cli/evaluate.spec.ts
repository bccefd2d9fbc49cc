/** `jpegnet evaluate`: what it says, to whom, and in which form. */
import { join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { createModel, paperResnet, type Evaluation } from '../../src-ts/index.js'
import { folderOf, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { jpegnet } from './command.js'

/** The path of an untrained model of these classes. */
async function modelOf(t: ExecutionContext, labels: readonly string[]): Promise<string> {
  const path = join(await temporaryFolder(t), 'a.model')
  using model = createModel(paperResnet({ classes: labels.length }), { labels, seed: 1 })
  await model.save(path)
  return path
}

/** A folder of ten pictures, dealt to these classes one after the other. */
const dealt = (t: ExecutionContext, classes: readonly string[]) =>
  folderOf(t, Object.fromEntries(jpegs.map((jpeg, index) => [`${classes[index % classes.length]}/${index}.jpg`, jpeg])))

const seven = ['ant', 'bee', 'cat', 'dog', 'elk', 'fox', 'gnu']

test('evaluate prints scores by class, the confusion matrix and the files that are wrong', async t => {
  const [model, folder] = [await modelOf(t, seven), await dealt(t, seven)]
  const { code, lines, stderr } = await jpegnet(['evaluate', model, folder])
  t.is(code, 0, stderr)
  const text = lines.join('\n')
  const { json } = await jpegnet(['evaluate', model, folder, '--json'])
  const { correct, top5, macro, perClass, confusion, worst } = json[0] as unknown as Evaluation
  t.regex(lines[0] ?? '', /^\d of 10 right \(\d+\.00 %\), \d+\.00 % among the five likeliest, loss \d\.\d{4}, /)
  t.true(lines[0]?.startsWith(`${correct} of 10 right`))
  t.true(lines[0]?.includes(`${((top5?.accuracy ?? NaN) * 100).toFixed(2)} % among`))
  for (const { label, images, recall } of perClass) {
    t.true(
      lines.some(line => line.startsWith(label) && line.includes(` ${images} `)),
      label,
    )
    t.is(images, [2, 2, 2, 1, 1, 1, 1][seven.indexOf(label)] as number)
    t.true((recall ?? -1) >= 0)
  }
  t.regex(text, new RegExp(`mean of classes .* ${((macro.recall ?? NaN) * 100).toFixed(1)} % `))
  const row = /^3 {2}cat +(.*)$/m.exec(text)?.[1]?.split(/\s+/)
  t.deepEqual(
    row,
    confusion[2]?.map(images => (images === 0 ? '·' : `${images}`)),
  )
  const files = lines.slice(lines.indexOf('most confident mistakes') + 3)
  t.deepEqual(
    files.map(line => line.slice(line.indexOf(folder))),
    worst.map(({ file }) => file),
  )
  t.is(worst.length, 10 - correct)
  const few = await jpegnet(['evaluate', model, folder, '--worst', '2'])
  t.is(few.lines.length, lines.length - worst.length + 2)
})

test('of many classes those that have pictures are printed, and those that were said for them', async t => {
  const labels = Array.from({ length: 50 }, (_, index) => `class ${index}`)
  const [model, folder] = [await modelOf(t, labels), await dealt(t, labels.slice(20, 30))]
  const { code, lines, stderr } = await jpegnet(['evaluate', model, folder])
  t.is(code, 0, stderr)
  const rows = lines.slice(lines.indexOf('confusion matrix') + 3).filter(line => /^\d/.test(line))
  t.deepEqual(
    rows.map(row => row.slice(0, 2)),
    Array.from({ length: 10 }, (_, index) => `${index + 21}`),
  )
  t.is(stderr.trim().split('\n').length, 1)
  t.regex(stderr, /^there are no images of 40 of the model's 50 classes: class 0, .* class 9 and 30 more\n$/)
  t.true(lines.length < 50, `${lines.length} lines`)
})

test('a matrix that is wider than the output gives way to the commonest mistakes, and many classes to the worst', async t => {
  const labels = Array.from({ length: 45 }, (_, index) => `class ${index}`)
  const files = labels.map((label, index) => [`${label}/1.jpg`, jpegs[index % 10] as Buffer] as const)
  const [model, folder] = [await modelOf(t, labels), await folderOf(t, Object.fromEntries(files))]
  const { code, lines, stderr } = await jpegnet(['evaluate', model, folder])
  t.is(code, 0, stderr)
  t.false(lines.includes('confusion matrix'))
  t.true(lines.includes('commonest mistakes'))
  const first = lines.indexOf('the 10 of 45 classes with the lowest F1')
  t.is(lines.filter(line => /^class \d+ +1 /.test(line)).length, 10)
  t.true(first > 0 && lines.length < 50, `${lines.length} lines`)
})

test('classes that the model does not know end the command with advice, which works', async t => {
  const [model, folder] = [await modelOf(t, ['ant', 'bee', 'cat']), await dealt(t, ['ant', 'bee', 'dog'])]
  const refused = await jpegnet(['evaluate', model, folder])
  t.is(refused.code, 1)
  t.regex(refused.stderr, /found 3 of dog, which it does not know; --skip-unknown-classes leaves them out\n$/)
  const { code, json, stderr } = await jpegnet(['evaluate', model, folder, '--skip-unknown-classes', '--json'])
  t.is(code, 0)
  t.like(json[0], { images: 7, missing: ['cat'], leftOut: [{ name: 'dog', images: 3 }] })
  t.regex(stderr, /no images of 1 of the model's 3 classes: cat\n.*does not know were left out: dog \(3\)\n$/)
})
