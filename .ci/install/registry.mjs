// A registry on this machine that has the packed packages, and takes all others from the one that npm is told to use.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const verdaccio = fileURLToPath(new URL('node_modules/verdaccio/bin/verdaccio', import.meta.url))

/**
 * Starts Verdaccio in a folder and publishes tarballs to it.
 *
 * @returns {Promise<{ url: string, npmrc: string, stop: () => Promise<void> }>} its address, what a project's .npmrc is to say, and how to end it
 */
export async function startRegistry(folder, tarballs) {
  await mkdir(folder, { recursive: true })
  const upstream = await configured('registry')
  const certificates = await configured('cafile')
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/`
  await writeFile(join(folder, 'config.json'), JSON.stringify(configuration(folder, upstream)))
  const log = openSync(join(folder, 'log'), 'w')
  const child = spawn(process.execPath, [verdaccio, '--config', join(folder, 'config.json'), '--listen', url], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...(certificates && { NODE_EXTRA_CA_CERTS: certificates }) },
  })
  const stop = async () => {
    if (child.exitCode !== null) return
    child.kill()
    await once(child, 'exit')
  }
  try {
    await answering(url, child)
    // Whoever asks may publish, but npm wants to see a token.
    const npmrc = `registry=${url}\n//127.0.0.1:${port}/:_authToken=anyone\nfund=false\naudit=false\nupdate-notifier=false\n`
    await writeFile(join(folder, '.npmrc'), npmrc)
    const publish = tarball => run('npm', ['publish', tarball, '--registry', url, '--ignore-scripts'], { cwd: folder })
    await Promise.all(tarballs.map(publish))
    return { url, npmrc, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

function configuration(folder, upstream) {
  const anyone = { access: '$all', publish: '$all', unpublish: '$all' }
  return {
    storage: join(folder, 'storage'),
    uplinks: { configured: { url: upstream, timeout: '120s', max_fails: 20, cache: true } },
    packages: { jpegnet: anyone, 'jpegnet-*': anyone, '**': { access: '$all', proxy: 'configured' } },
    max_body_size: '100mb',
    web: { enable: false },
    log: { type: 'stdout', format: 'pretty', level: 'warn' },
  }
}

async function configured(name) {
  const { stdout } = await run('npm', ['config', 'get', name])
  const value = stdout.trim()
  return value === 'null' || value === 'undefined' ? undefined : value
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function answering(url, child) {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries++) {
    const answer = await fetch(`${url}-/ping`).catch(() => undefined)
    if (answer?.ok) return
    await pause(200)
  }
  throw new Error('Verdaccio does not answer')
}
