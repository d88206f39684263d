import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** What a path answers with. Bytes are a body with status 200; a function is asked about a POST's body. */
export type PkiAnswer =
  | Uint8Array
  | string
  | {
      readonly status: number
      readonly body?: Uint8Array | string
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly redirect: string }
  /** The connection stands, and nothing comes. */
  | 'HANG'
  /** Cut without an answer. */
  | 'CUT'
  | ((request: { readonly method: string; readonly path: string; readonly body: Buffer }) => PkiAnswer)

export interface PkiWeb extends AsyncDisposable {
  readonly port: number
  /** `http://127.0.0.1:<port>` and the path. */
  url(path: string): string
  /** The same under another host name, or another spelling of the address. */
  urlAt(host: string, path: string): string
  /** What is served from now on; a path that is not here is a 404. */
  readonly paths: Map<string, PkiAnswer>
  /** How often a path was asked for, in whatever way it was answered. */
  count(path: string): number
  /** Method and path of all requests, in order. */
  readonly requests: readonly string[]
  /** TCP connections, with those that never said anything. */
  readonly connections: number
  /** Nobody listens any more; open connections are cut. */
  stop(): Promise<void>
  /** Listens again, at the same port. */
  start(): Promise<void>
}

/** Where a CA of tests publishes: CRLs, issuers, bundles, OCSP. On a free port of 127.0.0.1. */
export async function pkiWeb(paths: Readonly<Record<string, PkiAnswer>> = {}): Promise<PkiWeb> {
  const web = new Web(paths)
  await web.start()
  return web
}

class Web implements PkiWeb {
  readonly paths: Map<string, PkiAnswer>
  readonly requests: string[] = []
  connections = 0
  #port = 0
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null

  constructor(paths: Readonly<Record<string, PkiAnswer>>) {
    this.paths = new Map(Object.entries(paths))
  }

  get port(): number {
    return this.#port
  }

  url(path: string): string {
    return this.urlAt('127.0.0.1', path)
  }

  urlAt(host: string, path: string): string {
    return `http://${host}:${this.#port}${path}`
  }

  count(path: string): number {
    return this.requests.filter((request) => request.slice(request.indexOf(' ') + 1) === path).length
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => void this.#answer(request, response))
    server.on('connection', (socket) => {
      this.connections++
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === null) return
    this.#server = null
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '' } = request
    this.requests.push(`${method} ${path}`)
    const body = Buffer.concat(await request.toArray())
    let answer: PkiAnswer = this.paths.get(path) ?? { status: 404 }
    while (typeof answer === 'function') answer = answer({ method, path, body })
    if (answer === 'HANG') return
    if (answer === 'CUT') request.socket.destroy()
    else if (typeof answer === 'string' || answer instanceof Uint8Array) response.end(answer)
    else if ('redirect' in answer) response.writeHead(302, { location: answer.redirect }).end()
    else response.writeHead(answer.status, { ...answer.headers }).end(answer.body)
  }
}
