import type { Address } from '../address.ts'
import { concatSources, type Source, type Spooled } from './source.ts'

/** What the outer header is made of, and whom copies are made for (protocol.md MSG-3, MSG-4). */
export interface Routing {
  /** With its angle brackets; the inner one, so that notifications find back to it. */
  readonly messageId: string
  /** RFC 5322 3.3 date-time, as in the inner header where that holds one. */
  readonly date: string
  readonly from: Address
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  /** In no header, ever: each gets a copy of its own. */
  readonly bcc: readonly Address[]
  readonly inReplyTo: string | null
  readonly references: string | null
}

/** A message ready to be signed: 7-bit, CRLF, wrapped. Only `wrap` makes one. */
export class Composed implements AsyncDisposable {
  readonly #routing: Routing
  readonly #inner: Source | Spooled

  private constructor(inner: Source | Spooled, routing: Routing) {
    this.#inner = inner
    this.#routing = routing
  }

  /** @internal Use `wrap`. */
  static wrap(inner: Source | Spooled, routing: Routing): Composed {
    return new Composed(inner, routing)
  }

  get routing(): Routing {
    return this.#routing
  }

  /** The inner RFC 5322 message: CRLF line ends, 7-bit clean (MSG-1). */
  get inner(): Source {
    return this.#inner
  }

  /** What is signed: the inner message as one message/rfc822 entity without a transfer encoding (MSG-2). */
  get entity(): Source {
    return concatSources([WRAPPER, this.#inner])
  }

  /** Lets go of the inner message's spool. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (Symbol.asyncDispose in this.#inner) await this.#inner[Symbol.asyncDispose]()
  }
}

const WRAPPER = Buffer.from('Content-Type: message/rfc822\r\n\r\n')

/** Wraps a canonical message (RFC 8551 3.1; protocol.md MSG-2). `inner` must be CRLF and 7-bit already; it is taken over. */
export function wrap(inner: Source | Spooled, routing: Routing): Composed {
  return Composed.wrap(inner, routing)
}
