/** The example of a service, over a real socket. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import type { ClassProbability } from '../../src-ts/index.js'
import { fixture, jpegPaths, jpegs, temporaryFolder } from '../fixtures/pictures.js'
import { reference } from '../fixtures/reference.js'

const MAIN = fileURLToPath(new URL('../../examples/service/main.mjs', import.meta.url))

interface Reply {
  status: number
  classes?: ClassProbability[]
  error?: { code: string; message: string }
}

/** The service of the reference network at a port of its own. */
async function served(t: ExecutionContext, flags: readonly string[] = []) {
  const path = join(await temporaryFolder(t), 'a.model')
  const model = await reference()
  await model.save(path)
  const child = spawn(process.execPath, [MAIN, path, '--port', '0', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const ended = once(child, 'close') as Promise<[number | null]>
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  const url = new URL(/http\S+/.exec(line)?.[0] ?? line)
  const post = async (body: Uint8Array | ReadableStream, headers: Record<string, string> = {}): Promise<Reply> => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'image/jpeg', ...headers },
      body,
      duplex: 'half',
    } as const
    const response = await fetch(new URL('classify', url), init)
    return { status: response.status, ...((await response.json()) as object) }
  }
  const uploads = async () => ((await (await fetch(new URL('health', url))).json()) as { uploads: number }).uploads
  return { child, ended, model, post, uploads, url }
}

/** A request that has sent all but the end of a JPEG file. */
async function halfSent(url: URL) {
  const [jpeg] = jpegs as [Buffer]
  const socket = connect(Number(url.port), url.hostname)
  await once(socket, 'connect')
  const head = `POST /classify HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\nConnection: close\r\n\r\n`
  socket.write(head)
  socket.write(jpeg.subarray(0, 100))
  return { socket, rest: jpeg.subarray(100) }
}

/** Waits until something is so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds()));
}

test('uploads at the same time are answered each with the classes of its own picture', async t => {
  const { model, post } = await served(t)
  const expected = await model.predict(jpegPaths)
  const replies = await Promise.all(Array.from({ length: 60 }, (_, call) => post(jpegs[call % 10] as Buffer)))
  for (const [call, { status, classes = [] }] of replies.entries()) {
    t.is(status, 200)
    t.is(classes.length, 5)
    for (const [rank, { label, probability }] of classes.entries()) {
      const own = expected[call % 10]?.classes[rank]
      t.is(label, own?.label as string)
      t.true(Math.abs(probability - (own?.probability ?? NaN)) < 1e-5)
    }
  }
})

test('bad uploads among good ones are told what is wrong, and the good ones their classes', async t => {
  const { post } = await served(t)
  const [jpeg] = jpegs as [Buffer]
  const bodies = [jpeg, jpeg.subarray(0, 700), Buffer.from('no picture at all'), new Uint8Array(), jpeg]
  const [good, truncated, text, empty, last] = await Promise.all(bodies.map(body => post(body)))
  t.deepEqual([good?.status, last?.status], [200, 200])
  t.like(truncated, { status: 422, error: { code: 'TRUNCATED_JPEG' } })
  t.regex(truncated?.error?.message ?? '', /^upload: expected a whole JPEG file, found/)
  t.like(text, { status: 422, error: { code: 'NOT_JPEG' } })
  t.like(empty, { status: 422, error: { code: 'EMPTY_FILE' } })
})

test('what is too large in bytes or pixels is refused', async t => {
  const { post } = await served(t, ['--bytes', '20000', '--pixels', '1000'])
  const large = new Uint8Array(30_000)
  t.like(await post(large), { status: 413, error: { code: 'FST_ERR_CTP_BODY_TOO_LARGE' } })
  // Without a length told beforehand.
  const chunked = Readable.toWeb(Readable.from([large])) as ReadableStream
  t.like(await post(chunked), { status: 413, error: { code: 'FST_ERR_CTP_BODY_TOO_LARGE' } })
  t.like(await post(jpegs[0] as Buffer), { status: 413, error: { code: 'JPEG_TOO_LARGE' } })
  t.is((await post(readFileSync(fixture('variants/odd.jpg')))).status, 200)
})

test('other types and other paths are refused', async t => {
  const { post, url } = await served(t)
  for (const type of ['image/png', 'application/json', 'text/plain', 'multipart/form-data; boundary=a']) {
    t.is((await post(jpegs[0] as Buffer, { 'content-type': type })).status, 415, type)
  }
  const other = await fetch(new URL('nothing', url))
  t.is(other.status, 404)
  t.like(await other.json(), { error: { code: 'NOT_FOUND' } })
})

test('health says which model is served', async t => {
  const { url } = await served(t)
  t.like(await (await fetch(new URL('health', url))).json(), { status: 'ok', model: 'paper', classes: 10 })
})

test('an upload that is given up leaves nothing behind', async t => {
  const { post, uploads, url } = await served(t, ['--requests', '2'])
  const given = await Promise.all([halfSent(url), halfSent(url)])
  await until(async () => (await uploads()) === 2)
  t.like(await post(jpegs[0] as Buffer), { status: 503, error: { code: 'TOO_MANY_REQUESTS' } })
  for (const { socket } of given) socket.destroy()
  await until(async () => (await uploads()) === 0)
  t.is((await post(jpegs[0] as Buffer)).status, 200)
})

test('a service that is told to end answers what was begun, takes nothing more, and ends with 0', async t => {
  const { child, ended, post, uploads, url } = await served(t)
  const { socket, rest } = await halfSent(url)
  await until(async () => (await uploads()) === 1)
  child.kill('SIGTERM')
  await until(() =>
    post(jpegs[0] as Buffer).then(
      ({ status }) => status === 503,
      () => true,
    ),
  )
  socket.write(rest)
  let reply = ''
  for await (const text of socket) reply += String(text)
  t.regex(reply, /^HTTP\/1\.1 200 [^]*"classes":\[\{"label":/)
  t.deepEqual((await ended)[0], 0)
})

test('a connection on which nothing is asked does not hold up the end', async t => {
  const { child, ended, url } = await served(t)
  const socket = connect(Number(url.port), url.hostname)
  socket.on('error', () => {})
  await once(socket, 'connect')
  child.kill('SIGTERM')
  t.deepEqual((await ended)[0], 0)
})
