// Serves a model: node examples/service/main.mjs MODEL [--port 8080] [--host 127.0.0.1] [--bytes …] [--pixels …] …
import { parseArgs } from 'node:util'
import { loadModel } from 'jpegnet'
import { service } from './service.mjs'

/** How long requests may take to end once the service is told to. */
const SECONDS_TO_END = 10

const option = value => ({ type: 'string', default: String(value) })
const {
  values: { host, ...given },
  positionals: [path],
} = parseArgs({
  allowPositionals: true,
  options: {
    host: option('127.0.0.1'),
    port: option(8080),
    bytes: option(10 * 2 ** 20),
    pixels: option(50_000_000),
    requests: option(64),
    seconds: option(30),
    top: option(5),
  },
})
const numbers = Object.entries(given).map(([name, value]) => [name, Number(value)])
const wrong = numbers.find(([, value]) => !Number.isInteger(value) || value < 0)
if (path === undefined || wrong) {
  console.error(
    wrong ? `--${wrong[0]}: expected a whole number, found ${given[wrong[0]]}` : 'expected the path of a model',
  )
  process.exit(2)
}
const { port, ...limits } = Object.fromEntries(numbers)

const model = await loadModel(path)
const app = service(model, limits)

// Takes no more requests, answers those that came, then ends; a second signal ends it at once.
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, async () => {
    setTimeout(() => process.exit(1), SECONDS_TO_END * 1000).unref()
    // A connection on which nothing is asked would hold up the end: it is not idle to Node if nothing ever was.
    const left = setInterval(() => app.uploads() === 0 && app.server.closeAllConnections(), 50)
    await app.close()
    clearInterval(left)
    model.dispose()
  })
}

// Only now, so that whoever reads this may end it in order.
console.log(`listening at ${await app.listen({ host, port })}`)
