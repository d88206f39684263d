import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export const SECRET = 'a secret of the tests, and of nothing else'

/** What the EHR was told, whole and read. */
export interface Heard {
  readonly event: string
  readonly key: string
  /** Whether the signature is right for `secret`, and made now. */
  readonly isSigned: boolean
  /** Of a message: what was found out, and its bytes. */
  readonly delivery: Record<string, unknown> | null
  readonly message: Buffer | null
  /** Of an event. */
  readonly json: Record<string, unknown> | null
}

/** What it answers; nothing: it has answered by itself, or stays silent. */
export type Say = (heard: Heard, answer: ServerResponse, n: number) => unknown

/**
 * An EHR on loopback. `heard` has each request that came whole, in order; those of one key beyond the first are not
 * filed. `early` is asked before the body is read, and may answer, or close, then: true says that it did.
 */
export class Receiver implements AsyncDisposable {
  readonly heard: Heard[] = []
  secret = SECRET
  say: Say = (_heard, answer) => answer.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  early: (request: IncomingMessage, answer: ServerResponse) => boolean = () => false
  /** Requests at once, at most. */
  most = 0
  #open = 0
  readonly url: string
  readonly #server: ReturnType<typeof createServer>

  private constructor(server: ReturnType<typeof createServer>, scheme: string) {
    this.#server = server
    const { port } = server.address() as AddressInfo
    this.url = `${scheme}://127.0.0.1:${port}/direct`
  }

  static async start(tls?: { readonly key: string; readonly cert: string }): Promise<Receiver> {
    const server = tls ? createTlsServer(tls) : createServer()
    server.on('connection', (socket) => socket.on('error', () => undefined))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const receiver = new Receiver(server as ReturnType<typeof createServer>, tls ? 'https' : 'http')
    server.on('request', (request, answer) => void receiver.#take(request, answer))
    return receiver
  }

  /** Keys in the order in which they were first heard. */
  get filed(): readonly string[] {
    return [...new Set(this.heard.map(({ key }) => key))]
  }

  events(): readonly Heard[] {
    return this.heard.filter(({ event }) => event !== 'message')
  }

  messages(): readonly Heard[] {
    return this.heard.filter(({ event }) => event === 'message')
  }

  async #take(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    this.most = Math.max(this.most, ++this.#open)
    answer.on('close', () => this.#open--)
    if (this.early(request, answer)) return
    try {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
      const heard = await this.#read(request, body)
      this.heard.push(heard)
      this.say(heard, answer, this.heard.length)
    } catch (error) {
      // Whoever hangs up in the middle has told nothing.
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    }
  }

  async #read({ headers }: IncomingMessage, body: Buffer): Promise<Heard> {
    const [event, key] = [String(headers['direct-event']), String(headers['idempotency-key'])]
    const isSigned = this.#isSigned(String(headers['direct-signature']), body)
    const type = String(headers['content-type'])
    if (!type.startsWith('multipart/form-data'))
      return { event, key, isSigned, delivery: null, message: null, json: JSON.parse(body.toString()) }
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
    const file = form.get('message')
    return {
      event,
      key,
      isSigned,
      delivery: JSON.parse(String(form.get('delivery'))),
      message: file instanceof Blob ? Buffer.from(await file.arrayBuffer()) : null,
      json: null,
    }
  }

  #isSigned(header: string, body: Buffer): boolean {
    const { t, v1 = '' } = /^t=(?<t>\d+),v1=(?<v1>[0-9a-f]{64})$/.exec(header)?.groups ?? {}
    const expected = createHmac('sha256', this.secret).update(`${t}.`).update(body).digest('hex')
    return v1.length === expected.length && timingSafeEqual(Buffer.from(v1), Buffer.from(expected))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }
}
