import { DirectError } from '../agent/errors.ts'
import { aborted } from './dial.ts'
import type { SmtpSession } from './smtp-session.ts'
import type { MailServer } from './types.ts'

/** Whom a session is with, how it is protected, and what stops the work on it. */
export interface Wanted {
  readonly server: MailServer
  readonly requireTls: boolean
  readonly signal: AbortSignal | undefined
}

export interface SmtpPoolOptions {
  /** A session that is logged in; an error, or the server's reply, is why there is none now. */
  readonly open: (wanted: Wanted) => Promise<SmtpSession | DirectError | string>
  /** How long a session that nobody needs is kept, in milliseconds. */
  readonly idleMs: number
}

/** Connections to one server at once, where it is not told. */
const CONNECTIONS = 4
/** Some servers take no more of one connection, and say so by a refusal. */
const MOST_USES = 100

/** A session that is in use, or kept for the next one. */
interface Held {
  readonly session: SmtpSession
  uses: number
}

/** SMTP sessions that are used again, and of one server no more than its `connections` at once. */
export class SmtpPool implements AsyncDisposable {
  readonly #options: SmtpPoolOptions
  readonly #servers = new Map<string, Server>()
  #ended = false

  constructor(options: SmtpPoolOptions) {
    this.#options = options
  }

  /**
   * Does `work` on a session; an error, or a reply, is why there is none. One that was used before may have been closed meanwhile: when
   * the result is `unheard`, the server has nothing of it, and it is done again on a new session, once. Throws what
   * opening a session and `work` throw.
   */
  async use<Result extends { readonly unheard: boolean }>(
    wanted: Wanted,
    work: (session: SmtpSession) => Promise<Result>,
  ): Promise<Result | DirectError | string> {
    const { signal } = wanted
    const server = this.#serverOf(wanted)
    if (!(await server.enter(signal))) return aborted()
    let held = server.takeKept()
    try {
      if (held !== undefined) {
        const result = await useOnce(held, signal, work)
        if (!result.unheard || signal?.aborted) return result
        held = undefined
      }
      const session = await this.#options.open(wanted)
      if (typeof session === 'string' || session instanceof DirectError) return session
      held = { session, uses: 0 }
      return await useOnce(held, signal, work)
    } finally {
      server.leave(held, this.#ended || signal?.aborted === true ? 0 : this.#options.idleMs)
    }
  }

  /** Ends what is kept; what is in use ends with its use. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await Promise.all([...this.#servers.values()].map((server) => server.endKept()))
  }

  /** Sessions that differ in what a user may do on them, or in what was proved of the server, are not exchanged. */
  #serverOf({ server, requireTls }: Wanted): Server {
    const { host, port, secure, user, password, ca } = server
    const key = JSON.stringify([host, port, secure, user, password, ca, requireTls])
    const known = this.#servers.get(key) ?? new Server(server.connections ?? CONNECTIONS)
    this.#servers.set(key, known)
    return known
  }
}

async function useOnce<Result>(
  held: Held,
  signal: AbortSignal | undefined,
  work: (session: SmtpSession) => Promise<Result>,
): Promise<Result> {
  held.uses++
  held.session.heed(signal)
  try {
    return await work(held.session)
  } finally {
    held.session.heed(undefined)
  }
}

/** The connections to one server: those in use, those kept, and who waits for one. */
class Server {
  readonly #most: number
  readonly #kept: { readonly held: Held; readonly timer: NodeJS.Timeout }[] = []
  readonly #waiting: (() => void)[] = []
  #inUse = 0

  constructor(most: number) {
    this.#most = most
  }

  /** Waits for a place; false: the signal came first. */
  async enter(signal: AbortSignal | undefined): Promise<boolean> {
    if (signal?.aborted) return false
    if (this.#inUse < this.#most) {
      this.#inUse++
      return true
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const enter = () => resolve(true)
    const stop = () => {
      const at = this.#waiting.indexOf(enter)
      // Who was let in at the same moment has the place, and finds out by itself that it is stopped.
      if (at < 0) return
      this.#waiting.splice(at, 1)
      resolve(false)
    }
    this.#waiting.push(enter)
    signal?.addEventListener('abort', stop, { once: true })
    const entered = await promise
    signal?.removeEventListener('abort', stop)
    return entered
  }

  /** The one that was used last, which is the most likely to be open still. */
  takeKept(): Held | undefined {
    for (;;) {
      const { held, timer } = this.#kept.pop() ?? {}
      clearTimeout(timer)
      if (held === undefined || held.session.usable) return held
      void held.session.end()
    }
  }

  /** Gives the place back; a session that is good for another use is kept for `idleMs`, and ended where that is 0. */
  leave(held: Held | undefined, idleMs: number): void {
    if (held?.session.usable && held.uses < MOST_USES && idleMs > 0) {
      this.#kept.push({ held, timer: setTimeout(() => void this.#end(held), idleMs).unref() })
      held.session.rest()
      this.#next()
    } else {
      // A connection counts until it is closed.
      void Promise.resolve(held?.session.end()).then(() => this.#next())
    }
  }

  async endKept(): Promise<void> {
    const all = this.#kept.splice(0)
    for (const { timer } of all) clearTimeout(timer)
    await Promise.all(all.map(({ held }) => held.session.end()))
  }

  async #end(held: Held): Promise<void> {
    this.#kept.splice(
      this.#kept.findIndex((kept) => kept.held === held),
      1,
    )
    await held.session.end()
  }

  #next(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#inUse--
    else next()
  }
}
