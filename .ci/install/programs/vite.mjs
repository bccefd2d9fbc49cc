// Runs the program as Vite's development server runs what renders pages.
import { createServer } from 'vite'

const server = await createServer({ server: { middlewareMode: true }, appType: 'custom', logLevel: 'warn' })
const { tryAll } = await server.ssrLoadModule('/program.mjs')
console.log(await tryAll())
await server.close()
