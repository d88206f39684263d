import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { HostPort } from '../../dns/index.ts'
import { DirectError } from '../errors.ts'
import type { Log } from '../log.ts'
import { logFailure } from '../run/failures.ts'
import { EXPOSITION_TYPE, exposition, type Metric } from './exposition.ts'
import type { Health } from './types.ts'

export interface OperationsTools {
  readonly listen: HostPort
  readonly health: () => Promise<Health>
  readonly metrics: () => Promise<readonly Metric[]>
  readonly log: Log
}

const LOOP = 'operations'
/** More is no monitoring. */
const MOST_CONNECTIONS = 32
const PATIENCE_MS = 10_000
const TAKEN =
  'Another program has that port, perhaps another direct-agent, or the one before, which is about to end: stop it, or choose another port.'

/** `GET /health` and `GET /metrics` by HTTP until disposed of. Throws DirectError `LISTEN_FAILED`, temporary where the port is taken. */
export async function serveOperations(tools: OperationsTools): Promise<AsyncDisposable> {
  const { listen, log } = tools
  const options = { requestTimeout: PATIENCE_MS, headersTimeout: PATIENCE_MS, maxHeaderSize: 8192 }
  const server = createServer(options, (request, response) => {
    answer(request, response, tools).catch((error: unknown) => {
      logFailure(LOOP, error, log)
      if (response.headersSent) response.destroy()
      else send(response, 500, 'text/plain', 'no answer now\n')
    })
  })
  server.maxConnections = MOST_CONNECTIONS
  server.listen(listen.port, listen.host)
  try {
    await once(server, 'listening')
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const taken = code === 'EADDRINUSE'
    throw new DirectError(
      'LISTEN_FAILED',
      `cannot answer HTTP at operations.listen, port ${listen.port}: ${code ?? 'unknown error'}`,
      { hint: taken ? TAKEN : 'Choose another address or port.', temporary: taken, cause },
    )
  }
  log.info({ loop: LOOP, listen: `${listen.host}:${listen.port}` }, 'answering /health and /metrics')
  return {
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { health, metrics }: OperationsTools,
): Promise<void> {
  const { method = '', headers, url = '' } = request
  // A page in a browser on this machine may ask under a name of its own that leads here (DNS rebinding).
  if (!isLoopbackHost(headers.host ?? '')) return send(response, 421, 'text/plain', 'ask for 127.0.0.1\n')
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return send(response, 405, 'text/plain', 'GET alone\n')
  }
  const [path] = url.split('?')
  if (path === '/health') {
    const now = await health()
    return send(response, now.ok ? 200 : 503, 'application/json', `${JSON.stringify(now)}\n`)
  }
  if (path === '/metrics') return send(response, 200, EXPOSITION_TYPE, exposition(await metrics()))
  return send(response, 404, 'text/plain', '/health and /metrics\n')
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  })
  response.end(response.req.method === 'HEAD' ? undefined : body)
}

function isLoopbackHost(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/i.test(host)
}
