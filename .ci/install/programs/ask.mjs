// Starts a server of Next.js by the program and words given, asks it once, and ends it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'

const port = 20_000 + (process.pid % 20_000)
const server = spawn(process.execPath, process.argv.slice(2), {
  stdio: 'inherit',
  env: { ...process.env, PORT: `${port}`, HOSTNAME: '127.0.0.1' },
})
let answer
for (let tries = 0; tries < 200 && answer === undefined && server.exitCode === null; tries++) {
  await pause(200)
  answer = await fetch(`http://127.0.0.1:${port}/api`).catch(() => undefined)
}
console.log(answer?.status, await answer?.text())
if (server.exitCode === null) {
  server.kill()
  await once(server, 'exit')
}
