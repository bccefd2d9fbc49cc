/** What newcomers have, what they type first, and what it must end in. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { loadModel } from '../../src-ts/index.js'
import { tarOf } from '../fixtures/archive.js'
import { below, classes, picture } from './pictures.js'

/** What a command came to. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** One command, run in the folder, and what it must end in. */
export interface Step {
  args: readonly string[]
  code: number
  /** What it must say, on stdout or stderr. */
  says?: readonly RegExp[]
  /** What it must not say. */
  never?: readonly RegExp[]
  /** Throws if what is in the folder is not as it must be. */
  check?: ((folder: string, ended: Ended) => Promise<void>) | undefined
}

/** A folder that a newcomer has. */
export interface Folder {
  title: string
  files: () => Promise<Record<string, Uint8Array | string>>
  steps: readonly Step[]
}

const small = { width: 32, height: 32 }

/** Two short epochs: enough to see what is chosen and saved. */
const brief = ['--epochs', '2', '--out', 'a.model']

/** The model's input must be such. */
function input(expected: { channels?: number; width?: number; height?: number }): Step['check'] {
  return async folder => {
    const model = await loadModel(join(folder, 'a.model'))
    const { channels, width, height } = model.definition.input
    model.dispose()
    assert.deepEqual({ channels, width, height, ...expected }, { channels, width, height })
  }
}

async function sameBytes(folder: string, name: string, bytes: Uint8Array): Promise<void> {
  assert.ok(Buffer.from(bytes).equals(await readFile(join(folder, name))), `${name} must be as it was`)
}

const labels = async (folder: string, model = 'a.model') => (await loadModel(join(folder, model))).labels

export const folders: readonly Folder[] = [
  {
    title: 'small equal pictures, one folder a class',
    files: () => classes(12, () => small),
    steps: [
      { args: ['inspect', '.'], code: 0, says: [/24 images/, /32×32/] },
      { args: ['train', '.', ...brief], code: 0, check: input({ channels: 3, width: 32, height: 32 }) },
      { args: ['evaluate', 'a.model', '.'], code: 0 },
      { args: ['predict', 'a.model', 'lying/000.jpg'], code: 0, says: [/lying|standing/] },
    ],
  },
  {
    title: 'a gray picture first, the others in colour',
    files: async () => ({
      ...(await classes(12, () => small)),
      'lying/000.jpg': await picture('lying', { ...small, gray: true }),
    }),
    steps: [{ args: ['train', '.', ...brief], code: 0, check: input({ channels: 3, width: 32, height: 32 }) }],
  },
  {
    title: 'all pictures gray',
    files: () => classes(12, () => ({ ...small, gray: true })),
    steps: [{ args: ['train', '.', ...brief], code: 0, check: input({ channels: 1, width: 32, height: 32 }) }],
  },
  {
    title: 'a 9×7 picture first, the others 32×32',
    files: async () => ({
      ...(await classes(12, () => small)),
      'lying/000.jpg': await picture('lying', { width: 9, height: 7 }),
    }),
    steps: [
      {
        args: ['train', '.', ...brief],
        code: 0,
        says: [/\b1\b.*(other|odd|not) /],
        check: input({ width: 32, height: 32 }),
      },
    ],
  },
  {
    title: 'a picture of 12 megapixels first, the others 32×32',
    files: async () => ({
      ...(await classes(12, () => small)),
      'lying/000.jpg': await sharp({
        create: { width: 4000, height: 3000, channels: 3, background: { r: 200, g: 120, b: 40 } },
      })
        .jpeg()
        .toBuffer(),
    }),
    steps: [{ args: ['train', '.', ...brief], code: 0, check: input({ width: 32, height: 32 }) }],
  },
  {
    title: 'pictures of many sizes',
    files: () => classes(12, number => ({ width: 80 + 17 * number, height: 160 - 7 * number })),
    steps: [
      {
        args: ['train', '.', '--from', 'none', ...brief],
        code: 0,
        says: [/--size/],
        check: async folder => {
          const model = await loadModel(join(folder, 'a.model'))
          const { width, height, transform } = model.definition.input
          model.dispose()
          assert.equal(width, height, 'a square that all are cut to')
          assert.ok(width >= 64 && width <= 160, `a size that the set supports, not ${width}`)
          assert.ok((transform ?? []).length > 0, 'resized and cut when tested and asked')
        },
      },
    ],
  },
  {
    title: 'train and test folders inside',
    files: async () => ({
      ...below('train', await classes(12, () => small)),
      ...below('test', await classes(4, () => small)),
    }),
    steps: [
      {
        args: ['train', '.', ...brief],
        code: 0,
        says: [/test/, /24 images/],
        check: async folder => assert.deepEqual(await labels(folder), ['lying', 'standing']),
      },
      { args: ['evaluate', 'a.model', 'test'], code: 0, says: [/ of 8 right/] },
    ],
  },
  {
    title: 'train and valid folders in a folder of their own',
    files: async () => ({
      ...below('photos/train', await classes(12, () => small)),
      ...below('photos/valid', await classes(4, () => small)),
    }),
    steps: [
      {
        args: ['train', '.', ...brief],
        code: 0,
        check: async folder => assert.deepEqual(await labels(folder), ['lying', 'standing']),
      },
    ],
  },
  {
    title: 'an archive with train and test inside',
    files: async () => ({
      'photos.tar': await tarOf({
        ...below('photos/train', await classes(12, () => small)),
        ...below('photos/test', await classes(4, () => small)),
      }),
    }),
    steps: [
      {
        args: ['train', 'photos.tar', ...brief],
        code: 0,
        says: [/2 classes of 12 images each/],
        check: async folder => assert.deepEqual(await labels(folder), ['lying', 'standing']),
      },
    ],
  },
  {
    title: 'one damaged file',
    files: async () => {
      const files = await classes(12, () => small)
      return { ...files, 'lying/003.jpg': (files['lying/003.jpg'] as Buffer).subarray(0, 400) }
    },
    steps: [
      { args: ['train', '.', ...brief], code: 1, says: [/lying\/003\.jpg/, /--skip-bad-files/] },
      { args: ['train', '.', '--skip-bad-files', ...brief], code: 0, says: [/1 file was skipped/, /lying\/003\.jpg/] },
    ],
  },
  {
    title: 'a test picture that is one pixel wide and 2,000 high',
    files: async () => ({
      ...below('train', await classes(12, number => ({ width: 64 + number, height: 80 }))),
      ...below('test', await classes(4, () => ({ width: 64, height: 80 }))),
      'test/lying/thin.jpg': await picture('lying', { width: 1, height: 2000 }),
    }),
    steps: [
      { args: ['train', '.', '--skip-bad-files', ...brief], code: 0 },
      { args: ['evaluate', 'a.model', 'test', '--skip-bad-files'], code: 0 },
    ],
  },
  {
    title: 'a class whose pictures are one pixel',
    files: async () => ({
      ...(await classes(12, () => small)),
      ...Object.fromEntries(
        await Promise.all(
          Array.from({ length: 12 }, async (_, number) => [
            `dot/${number}.jpg`,
            await picture('lying', { width: 1, height: 1, number }),
          ]),
        ),
      ),
    }),
    steps: [{ args: ['train', '.', ...brief], code: 0, check: input({ width: 32, height: 32 }) }],
  },
  {
    title: 'files called .jfif, .jpe and .jif',
    files: async () => ({
      ...(await classes(4, () => small, 'jfif')),
      ...(await classes(4, () => small, 'JPE')),
      ...(await classes(4, () => small, 'jif')),
    }),
    steps: [{ args: ['inspect', '.'], code: 0, says: [/24 images/] }],
  },
  {
    title: 'a list whose first line names its columns',
    files: async () => {
      const files = await classes(12, () => small)
      const lines = Object.keys(files).map(file => `${file},${file.split('/')[0]}`)
      return { ...files, 'train.csv': ['filename,class', ...lines].join('\n') }
    },
    steps: [{ args: ['train', 'train.csv', ...brief], code: 0, says: [/2 classes of 12 images each/] }],
  },
  {
    title: 'a last batch of one picture for a network whose last maps are one pixel',
    files: () => classes(9, () => small),
    steps: [
      {
        args: [
          'train',
          '.',
          '--model',
          'resnet18',
          '--size',
          '32',
          '--batch-size',
          '17',
          '--epochs',
          '1',
          '--out',
          'a.model',
        ],
        code: 0,
        check: async folder => (await loadModel(join(folder, 'a.model'))).dispose(),
      },
    ],
  },
  {
    title: 'one class only',
    files: async () => {
      const files = await classes(4, () => small)
      return Object.fromEntries(Object.entries(files).filter(([name]) => name.startsWith('lying')))
    },
    steps: [{ args: ['train', '.', ...brief], code: 1, says: [/two classes/] }],
  },
  {
    title: 'pictures without folders',
    files: async () => ({ '1.jpg': await picture('lying', small), '2.jpg': await picture('standing', small) }),
    steps: [{ args: ['train', '.', ...brief], code: 1, says: [/a folder .*for each class/] }],
  },
  {
    title: 'a photo named as the page to write',
    files: async () => ({ ...(await classes(12, () => small)), 'photo.jpg': await picture('lying', small) }),
    steps: [
      { args: ['train', '.', ...brief], code: 0 },
      {
        args: ['explain', 'a.model', 'photo.jpg', '--out', 'photo.jpg'],
        code: 1,
        says: [/photo\.jpg/],
        check: async folder => sameBytes(folder, 'photo.jpg', await picture('lying', small)),
      },
      {
        args: ['train', '.', '--epochs', '1', '--out', 'photo.jpg'],
        code: 1,
        check: async folder => sameBytes(folder, 'photo.jpg', await picture('lying', small)),
      },
      { args: ['train', '.', '--epochs', '1', '--out', 'lying'], code: 1 },
      {
        args: ['coefficients', 'photo.jpg', '--out', './lying/../photo.jpg'],
        code: 1,
        check: async folder => sameBytes(folder, 'photo.jpg', await picture('lying', small)),
      },
    ],
  },
  {
    title: 'a folder of new pictures to be named',
    files: async () => ({
      ...below('train', await classes(12, () => small)),
      ...below('new', await classes(2, () => small)),
      'new/readme.txt': 'pictures of stripes',
    }),
    steps: [
      { args: ['train', 'train', ...brief], code: 0 },
      { args: ['predict', 'a.model', 'new'], code: 0, says: [/new\/lying\/000\.jpg/, /new\/standing\/001\.jpg/] },
      { args: ['predict', 'a.model', 'new', '--csv'], code: 0, says: [/^file,/m] },
    ],
  },
  {
    title: 'a test set without one of the classes, and with an empty one',
    files: async () => {
      const test = await classes(4, () => small)
      const lying = Object.fromEntries(Object.entries(test).filter(([name]) => name.startsWith('lying')))
      return { ...below('train', await classes(12, () => small)), ...below('test', lying), 'test/standing/': '' }
    },
    steps: [
      { args: ['train', 'train', ...brief], code: 0 },
      { args: ['evaluate', 'a.model', 'test'], code: 0, says: [/ of 4 right/, /standing/] },
    ],
  },
  {
    title: 'a name that would colour the terminal',
    files: async () => ({
      ...(await classes(6, () => small)),
      'lying/\u001b[31mred\u001b[0m.jpg': 'no picture',
    }),
    steps: [{ args: ['train', '.', ...brief], code: 1, never: [new RegExp('\u001b\\[31m')], says: [/red/] }],
  },
  {
    title: 'pictures beside JPEG files that are none',
    files: async () => ({
      ...(await classes(12, () => small)),
      'lying/a.png': await sharp({ create: { ...small, channels: 3, background: 'red' } })
        .png()
        .toBuffer(),
      'lying/Thumbs.db': 'x',
      '__MACOSX/lying/._000.jpg': 'x',
    }),
    steps: [
      {
        args: ['train', '.', ...brief],
        code: 0,
        says: [/png/],
        check: async folder => assert.deepEqual(await labels(folder), ['lying', 'standing']),
      },
    ],
  },
  {
    title: 'no --out',
    files: async () => below('stripes', await classes(12, () => small)),
    steps: [
      {
        args: ['train', 'stripes', '--epochs', '2'],
        code: 0,
        check: async folder => assert.ok((await readdir(folder)).includes('stripes.model'), 'stripes.model is there'),
      },
    ],
  },
]

const run = promisify(execFile)

/** Runs a command as a newcomer does, in a folder. */
export async function ended(command: string, args: readonly string[], folder: string): Promise<Ended> {
  const options = { cwd: folder, maxBuffer: 2 ** 26, env: { ...process.env, NO_COLOR: '1' } }
  return run(process.execPath, [command, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code?: number; stdout: string; stderr: string }) => ({
      code: typeof error.code === 'number' ? error.code : null,
      stdout: error.stdout,
      stderr: error.stderr,
    }),
  )
}

/** What is wrong with how a step ended; nothing if it is as it must be. */
export async function complaint(step: Step, outcome: Ended, folder: string): Promise<string | undefined> {
  const text = `${outcome.stdout}\n${outcome.stderr}`
  if (outcome.code !== step.code) return `expected exit status ${step.code}, found ${outcome.code}`
  const unsaid = step.says?.find(pattern => !pattern.test(text))
  if (unsaid) return `expected it to say ${unsaid}`
  const said = step.never?.find(pattern => pattern.test(text))
  if (said) return `expected it never to say ${said}`
  return step.check?.(folder, outcome).then(
    () => undefined,
    (error: Error) => error.message,
  )
}
