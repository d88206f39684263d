import type { ImapFlow, ListResponse } from 'imapflow'
import { aborted } from './dial.ts'
import { commandFailure, type ImapFailure, unreachable } from './imap-failures.ts'
import type { MailServer } from './types.ts'

/** How long LOGOUT may wait for its answer. */
const LOGOUT_MS = 2000

/** Limits of one connection, in milliseconds. */
export interface ImapLimits {
  /** For one command, 1 MiB of a message at most, in all. */
  readonly commandMs: number
  /** After which IDLE is begun anew. */
  readonly idleMs: number
  /** For the end of IDLE: whoever does not answer in that time is gone. */
  readonly doneMs: number
}

/** A connection whose every failure is told as DirectError. */
export class ImapSession implements AsyncDisposable {
  readonly client: ImapFlow
  readonly server: MailServer
  readonly #signal: AbortSignal | undefined
  readonly #limits: ImapLimits
  readonly #stop = () => this.client.close()
  #hasNews = false
  #wake = () => {}

  constructor(client: ImapFlow, server: MailServer, limits: ImapLimits, signal: AbortSignal | undefined) {
    this.client = client
    this.#limits = limits
    this.server = server
    // Told at any time, with the answer to any command.
    client.on('exists', () => {
      this.#hasNews = true
      this.#wake()
    })
    client.on('close', () => this.#wake())
    this.#signal = signal
    signal?.addEventListener('abort', this.#stop, { once: true })
    if (signal?.aborted) this.#stop()
  }

  /**
   * One command. imapflow answers some with `false` or nothing once the connection is lost, just as it does when there is
   * nothing to say: so an answer counts only while the connection stands.
   */
  async ask<Value>(
    what: string,
    command: () => Promise<Value>,
    limitMs = this.#limits.commandMs,
  ): Promise<Value> {
    let failure: ImapFailure | null = null
    const timer = setTimeout(this.#stop, limitMs)
    try {
      const answer = await command()
      if (this.client.usable) return answer
    } catch (cause) {
      failure = cause as ImapFailure
    } finally {
      clearTimeout(timer)
    }
    if (this.#signal?.aborted) throw aborted()
    if (this.client.usable) throw commandFailure(this.server, what, failure)
    throw unreachable(this.server, 'the connection was lost', failure ?? undefined)
  }

  async list(): Promise<readonly ListResponse[]> {
    return await this.ask('list its folders', () => this.client.list())
  }

  /** What comes from now on is news. */
  forgetNews(): void {
    this.#hasNews = false
  }

  /**
   * Waits until the server tells of mail, at most `ms`: by IDLE (RFC 2177), begun anew from time to time, as servers
   * and routers forget who is silent. A connection that died without a word is found by the end of IDLE, which is never
   * answered. A server without IDLE is left in peace.
   */
  async wait(ms: number): Promise<'news' | 'quiet'> {
    const until = performance.now() + ms
    let canIdle = this.client.capabilities.has('IDLE')
    while (!this.#hasNews) {
      const left = until - performance.now()
      // Timers count whole milliseconds, and may be one early.
      if (left < 1) return 'quiet'
      if (canIdle) canIdle = await this.#idle(Math.min(left, this.#limits.idleMs))
      else await this.#rest(left)
      if (!this.client.usable) await this.ask('wait', async () => undefined)
    }
    return 'news'
  }

  /** False: the server will not. */
  async #idle(ms: number): Promise<boolean> {
    // A connection that is lost at this very moment rejects it; the command that follows tells of that as of any loss.
    const idling = this.client.idle().catch(() => undefined)
    await Promise.race([idling, this.#rest(ms)])
    this.#wake()
    // Any command ends it, and shows that somebody is there.
    await this.ask('end its IDLE', () => this.client.noop(), this.#limits.doneMs)
    return (await idling) !== false
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(ms))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#hasNews || !this.client.usable) this.#wake()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop)
    if (!this.client.usable) return this.client.close()
    const timer = setTimeout(() => this.client.close(), LOGOUT_MS)
    // Nothing depends on the goodbye: a connection that is lost by now is closed all the same.
    await Promise.allSettled([this.client.logout()])
    clearTimeout(timer)
    this.client.close()
  }
}
