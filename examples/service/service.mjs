// Classifies JPEG files that are posted to it, straight from their coefficients. What it takes from strangers is bounded:
// the bytes and pixels of a file, how many come at a time, and how long one may take to come.
import Fastify from 'fastify'
import { ModelError } from 'jpegnet'
import { Queue } from './queue.mjs'

/** The status of an error that a file causes; any other is the service's own. */
const STATUS = {
  JPEG_TOO_LARGE: 413,
  EMPTY_FILE: 422,
  NOT_JPEG: 422,
  TRUNCATED_JPEG: 422,
  CORRUPT_JPEG: 422,
  UNSUPPORTED_JPEG: 422,
  SIZE_MISMATCH: 422,
}

/**
 * A service of a model, which is still the caller's once the service is closed. `GET /health` says which model it is, and
 * `POST /classify` the `top` likeliest classes of a JPEG file. A file may have so many `bytes` and `pixels`, and `seconds` to
 * come; beyond so many `requests` at a time one is told to come again.
 */
export function service(model, { bytes, pixels, requests, seconds, top }) {
  const app = Fastify({ bodyLimit: bytes, requestTimeout: seconds * 1000, logger: { level: 'warn' } })
  const queue = new Queue(model, { limits: { pixels } })
  app.addHook('onClose', () => queue.end())

  // A body of another type is not read: it gets 415.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('image/jpeg', { parseAs: 'buffer' }, (_, body, done) => done(null, body))

  let uploads = 0
  app.decorate('uploads', () => uploads)
  app.addHook('onRequest', async ({ method }, reply) => {
    if (method !== 'POST') return
    if (uploads >= requests) {
      reply.header('retry-after', '1')
      throw failure(503, 'TOO_MANY_REQUESTS', `expected at most ${requests} requests at a time, found another`)
    }
    uploads += 1
    reply.raw.once('close', () => (uploads -= 1))
  })

  app.setNotFoundHandler(({ method, url }) => {
    throw failure(404, 'NOT_FOUND', `expected POST /classify or GET /health, found ${method} ${url}`)
  })

  app.setErrorHandler((error, request, reply) => {
    const status = error instanceof ModelError ? STATUS[error.code] : error.statusCode
    if (status) return reply.code(status).send({ error: { code: error.code, message: error.message } })
    // Someone who left hears no answer.
    if (!reply.raw.destroyed) request.log.error(error)
    return reply.code(500).send({ error: { code: 'INTERNAL', message: 'the service failed' } })
  })

  app.get('/health', () => ({ status: 'ok', model: model.definition.name, classes: model.classes, uploads }))

  app.post('/classify', async ({ body = Buffer.alloc(0) }, reply) => {
    const left = new AbortController()
    reply.raw.once('close', () => left.abort())
    const { classes } = await queue.classify({ name: 'upload', jpeg: body }, left.signal)
    return { classes: classes.slice(0, top) }
  })
  return app
}

function failure(statusCode, code, message) {
  return Object.assign(new Error(message), { statusCode, code })
}
