import type { Socket } from 'node:net'
import { codeOf, type DialTarget, dial, secure } from './dial.ts'
import { LdapFailure } from './failure.ts'
import { createFraming } from './framing.ts'
import {
  type Entry,
  encodeSearch,
  encodeStartTls,
  MAX_ENTRIES,
  type Reply,
  readReply,
  type Search,
} from './messages.ts'
import { printable, type Result } from './results.ts'

/** Of one message, of all replies together to what is under way on one connection, and of what one search gives. */
export const MAX_BYTES = 8 << 20

/** Messages in answer to one request, and of those that answer none: entries, references and the end of an honest one are fewer. */
const MAX_MESSAGES = 500

/** What a search gave. */
export interface Searched {
  readonly entries: readonly Entry[]
  /** More entries came than are taken. */
  readonly tooMany: boolean
  /** References to other servers, which are not followed (DISC-8). */
  readonly references: number
  readonly result: Result
}

interface Asked {
  bytes: number
  messages: number
  tooMany: boolean
  references: number
  readonly entries: Entry[]
  readonly settle: (outcome: Searched | LdapFailure) => void
}

/**
 * One connection to one directory, for any number of requests at once. What comes is read as strictly as RFC 4511 is
 * written, and within bounds; whatever else comes ends the connection, and with it all that was asked.
 */
export class Connection {
  #socket: Socket
  #framing = createFraming(MAX_BYTES)
  readonly #asked = new Map<number, Asked>()
  #lastId = 0
  /** Bytes of replies to what is under way, and of what nobody asked for. */
  #held = 0
  /** Messages that answer nothing that is under way. */
  #strays = 0
  #lost: LdapFailure | null = null

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen(socket)
  }

  /** Rejects with LdapFailure, also when the signal fires. */
  static async open(target: DialTarget, signal: AbortSignal): Promise<Connection> {
    return new Connection(await dial(target, signal))
  }

  get lost(): boolean {
    return this.#lost !== null
  }

  /** Rejects with LdapFailure. */
  search(search: Search): Promise<Searched> {
    return this.#ask((id) => encodeSearch(id, search))
  }

  /** Upgrades to TLS (RFC 4511 4.14): before anything else is asked. A refusal leaves the connection as it was. */
  async startTls(host: string, signal: AbortSignal): Promise<Result> {
    const { result } = await this.#ask(encodeStartTls)
    if (result.code !== 0) return result
    const plain = this.#socket
    plain.off('data', this.#onData).off('close', this.#onClose)
    this.#framing = createFraming(MAX_BYTES)
    try {
      this.#socket = await secure(plain, host, signal)
    } catch (error) {
      this.close()
      throw error
    }
    this.#listen(this.#socket)
    return result
  }

  /** While nothing is under way, a connection keeps no process alive. */
  rest(): void {
    this.#socket.unref()
  }

  wake(): void {
    this.#socket.ref()
  }

  close(): void {
    this.#lose(lost('was not waited for any longer'))
  }

  #ask(encode: (id: number) => Buffer): Promise<Searched> {
    const { promise, resolve, reject } = Promise.withResolvers<Searched>()
    if (this.#lost) return Promise.reject(this.#lost)
    const id = ++this.#lastId
    this.#asked.set(id, {
      bytes: 0,
      messages: 0,
      tooMany: false,
      references: 0,
      entries: [],
      settle: (outcome) => {
        const { bytes } = this.#asked.get(id) as Asked
        this.#held -= bytes
        this.#asked.delete(id)
        if (outcome instanceof LdapFailure) reject(outcome)
        else resolve(outcome)
      },
    })
    this.#socket.write(encode(id))
    return promise
  }

  #listen(socket: Socket): void {
    socket.on('data', this.#onData).on('error', this.#onError).on('close', this.#onClose)
  }

  readonly #onData = (chunk: Buffer) => this.#read(chunk)
  readonly #onError = (error: Error) => this.#lose(lost(`broke the connection: ${codeOf(error)}`))
  readonly #onClose = () => this.#lose(lost('closed the connection before it answered'))

  #read(chunk: Buffer): void {
    const messages = this.#framing.add(chunk)
    const wrong = typeof messages === 'string' ? new LdapFailure(messages) : this.#takeAll(messages)
    if (wrong !== null) this.#lose(wrong)
  }

  /** Null, or why the connection ends. */
  #takeAll(messages: readonly Buffer[]): LdapFailure | null {
    for (const message of messages) {
      const reply = readReply(message)
      const wrong =
        reply === null ? new LdapFailure('sends what is no LDAP') : this.#take(reply, message.length)
      if (wrong !== null) return wrong
    }
    return null
  }

  #take(reply: Reply, bytes: number): LdapFailure | null {
    if (reply.id === 0) return lost('announced that it closes the connection')
    this.#held += bytes
    if (this.#held > MAX_BYTES) return new LdapFailure(`answers with more than ${MAX_BYTES} bytes`)
    const asked = this.#asked.get(reply.id)
    // Perhaps the answer to what was given up.
    const messages = asked === undefined ? ++this.#strays : ++asked.messages
    if (messages > MAX_MESSAGES) return new LdapFailure(`answers with more than ${MAX_MESSAGES} messages`)
    if (asked === undefined) return null
    asked.bytes += bytes
    if (reply.kind === 'entry') {
      if (asked.entries.length < MAX_ENTRIES) asked.entries.push(reply.entry)
      else asked.tooMany = true
    } else if (reply.kind === 'other') {
      if (reply.reference) asked.references++
    } else {
      const { entries, tooMany, references } = asked
      asked.settle({
        entries,
        tooMany,
        references,
        result: { code: reply.code, text: printable(reply.text) },
      })
    }
    return null
  }

  #lose(why: LdapFailure): void {
    this.#lost ??= why
    this.#socket.destroy()
    for (const asked of [...this.#asked.values()]) asked.settle(this.#lost)
  }
}

function lost(clause: string): LdapFailure {
  return new LdapFailure(clause, { connectionLost: true })
}
