// Next.js: a handler of a route, by both of its builders, and its server as a folder of its own.
import { DONE, PROGRAM, text } from './programs.mjs'

const SILENT = { NEXT_TELEMETRY_DISABLED: '1' }
const OUTSIDE = `serverExternalPackages: ['jpegnet']`
const TRACED = `outputFileTracingIncludes: { '/api': ['./node_modules/jpegnet-*/*'] }`

const entry = (name, config, run) => ({
  name,
  packages: { next: '16.4.6', react: '19.3.1', 'react-dom': '19.3.1' },
  files: {
    'next.config.mjs': `export default { ${config} }\n`,
    'app/layout.js': `export default ({ children }) => <html><body>{children}</body></html>\n`,
    'app/page.js': `export default () => <p>A page</p>\n`,
    'app/api/route.js': `${PROGRAM}\nexport const dynamic = 'force-dynamic'\nexport const GET = async () => Response.json(await tryAll())\n`,
    'ask.mjs': text('ask.mjs'),
  },
  run,
})

const built = builder =>
  entry(`Next.js, ${builder}`, OUTSIDE, async ({ exec }) => {
    await exec(`next build --${builder.toLowerCase()}`, undefined, SILENT)
    await exec('node ask.mjs node_modules/next/dist/bin/next start', DONE, SILENT)
  })

/** @type {import('./entry.d.ts').Entry[]} */
export const next = [
  built('Turbopack'),
  built('webpack'),
  entry('Next.js, standalone', `output: 'standalone', ${OUTSIDE}, ${TRACED}`, async ({ exec, away }) => {
    await exec('next build', undefined, SILENT)
    await away(['.next/standalone', 'ask.mjs'], 'node ask.mjs server.js', DONE, SILENT)
  }),
]
