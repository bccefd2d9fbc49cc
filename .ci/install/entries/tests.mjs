// Tests of Jest and Vitest.
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { DONE, PROGRAM, required, TEST, text } from './programs.mjs'

const VITEST = pool => `export default { test: { pool: '${pool}', include: ['*.spec.mjs'] } }\n`

/** @type {import('./entry.d.ts').Entry[]} */
export const tests = [
  {
    name: 'Jest, CommonJS',
    core: true,
    packages: { jest: '30.5.2' },
    files: { 'program.test.js': required(PROGRAM) + TEST },
    run: ({ exec }) => exec('jest', DONE),
  },
  {
    name: 'Jest, ES modules',
    core: true,
    packages: { jest: '30.5.2' },
    files: { 'program.test.mjs': PROGRAM + TEST, 'jest.config.json': JSON.stringify({ testMatch: ['**/*.test.mjs'] }) },
    run: ({ exec }) => exec('node --experimental-vm-modules node_modules/jest/bin/jest.js', DONE),
  },
  {
    name: 'Jest, arrays of another realm',
    core: true,
    packages: { jest: '30.5.2' },
    files: {
      'arrays-of-another-realm.test.mjs': text('arrays-of-another-realm.test.mjs'),
      'jest.config.json': JSON.stringify({ testMatch: ['**/*.test.mjs'] }),
    },
    async run({ exec, project }) {
      await cp(join(project, 'pictures/even/0.jpg'), join(project, 'x.jpg'))
      await exec('node --experimental-vm-modules node_modules/jest/bin/jest.js', /Tests: +3 passed, 3 total/)
    },
  },
  ...['threads', 'forks'].map(pool => ({
    name: `Vitest, ${pool}`,
    core: pool === 'threads',
    packages: { vitest: '5.1.2' },
    files: {
      'vitest.config.mjs': VITEST(pool),
      'one.spec.mjs': `import { test } from 'vitest'\n${PROGRAM}${TEST}`,
      'two.spec.mjs': `import { test } from 'vitest'\n${PROGRAM}${TEST}`,
    },
    run: ({ exec }) => exec('vitest run', DONE),
  })),
]
