import type { ImapFlow, ListResponse } from 'imapflow'
import { aborted } from './dial.ts'
import { knows } from './imap-capabilities.ts'
import type { Connected } from './imap-connect.ts'
import { commandFailure, type ImapFailure, lostConnection } from './imap-failures.ts'
import type { Refusals } from './imap-refusals.ts'
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

/** What an answer may have, unless more was asked for: the names of half a million messages. */
const LONGEST_ANSWER = 8 * 1024 * 1024
/** How often it is looked at. */
const LOOK_MS = 100

/**
 * For one command: the time that it may take in all, in milliseconds, the bytes of its answer, whether a refusal may be
 * over by the next time, whatever the server says, and whether one that imapflow answers with `false` is thrown.
 */
export interface AnswerLimits {
  readonly ms?: number
  readonly bytes?: number
  readonly temporary?: boolean
  readonly orThrow?: boolean
}

/** A connection whose every failure is told as DirectError. */
export class ImapSession implements AsyncDisposable {
  readonly client: ImapFlow
  readonly server: MailServer
  readonly #refusals: Refusals
  readonly #signal: AbortSignal | undefined
  readonly #limits: ImapLimits
  readonly #stop = () => this.client.close()
  #answered: Promise<unknown> = Promise.resolve()
  #hasNews = false
  #wake = () => {}
  /** What broke the connection, as far as it is known here. */
  #broken: string | null = null

  constructor(
    { client, refusals }: Connected,
    server: MailServer,
    limits: ImapLimits,
    signal: AbortSignal | undefined,
  ) {
    this.client = client
    this.#refusals = refusals
    this.#limits = limits
    this.server = server
    // Told at any time, with the answer to any command.
    client.on('exists', () => {
      this.#hasNews = true
      this.#wake()
    })
    client.on('close', () => this.#wake())
    client.on('error', (cause: Error) => {
      this.#broken ??= cause.message
    })
    this.#signal = signal
    signal?.addEventListener('abort', this.#stop, { once: true })
    if (signal?.aborted) this.#stop()
  }

  /**
   * One command, when those before it have been answered: its limits are its own. imapflow answers some with `false` or nothing
   * once the connection is lost, just as it does when there is nothing to say: so an answer counts only while it stands.
   */
  async ask<Value>(what: string, command: () => Promise<Value>, limits?: AnswerLimits): Promise<Value> {
    const asked = this.#answered.then(() => this.#ask(what, command, limits))
    this.#answered = asked.catch(() => undefined)
    return await asked
  }

  async #ask<Value>(
    what: string,
    command: () => Promise<Value>,
    { ms = this.#limits.commandMs, bytes = LONGEST_ANSWER, temporary, orThrow = false }: AnswerLimits = {},
  ): Promise<Value> {
    let failure: ImapFailure | null = null
    this.#refusals.take()
    const timer = setTimeout(() => this.#break(`no end within ${ms / 1000} s`), ms)
    const limit = this.#limit(bytes)
    try {
      const answer = await command()
      if (this.#stands && !(orThrow && answer === false)) return answer
      failure = this.#refusals.take()
    } catch (cause) {
      failure = cause as ImapFailure
    } finally {
      clearTimeout(timer)
      clearInterval(limit)
    }
    if (this.#signal?.aborted) throw aborted()
    if (this.#stands) throw commandFailure(this.server, what, failure, temporary)
    const { byeReason } = this.client
    throw lostConnection(
      this.server,
      what,
      byeReason === undefined ? this.#broken : `it said ${byeReason}`,
      failure,
    )
  }

  /** After BYE nothing is answered any more, even while the connection lasts. */
  get #stands(): boolean {
    return this.client.usable && this.client.byeReason === undefined
  }

  /** A server that says more than this is not listened to any longer: what it says may be kept in memory. */
  #limit(bytes: number): NodeJS.Timeout {
    const { received } = this.client.stats()
    return setInterval(() => {
      if (this.client.stats().received - received > bytes)
        this.#break(`more than ${bytes} bytes of an answer`)
    }, LOOK_MS)
  }

  #break(why: string): void {
    this.#broken ??= why
    this.#stop()
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
    let canIdle = knows(this.client, 'IDLE')
    while (!this.#hasNews) {
      const left = until - performance.now()
      // Timers count whole milliseconds, and may be one early.
      if (left < 1) return 'quiet'
      if (canIdle) canIdle = await this.#idle(Math.min(left, this.#limits.idleMs))
      else await this.#rest(left)
      if (!this.#stands) await this.ask('wait', async () => undefined)
    }
    return 'news'
  }

  /** False: the server will not. */
  async #idle(ms: number): Promise<boolean> {
    // A connection that is lost at this very moment rejects it; the command that follows tells of that as of any loss.
    const idling = this.client.idle().catch(() => undefined)
    const limit = this.#limit(LONGEST_ANSWER)
    await Promise.race([idling, this.#rest(ms)])
    clearInterval(limit)
    this.#wake()
    // Any command ends it, and shows that somebody is there.
    await this.ask('end its IDLE', () => this.client.noop(), { ms: this.#limits.doneMs })
    return (await idling) !== false
  }

  async #rest(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(ms))
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
      if (this.#hasNews || !this.#stands) this.#wake()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop)
    if (!this.#stands) return this.client.close()
    const timer = setTimeout(() => this.client.close(), LOGOUT_MS)
    // Nothing depends on the goodbye: a connection that is lost by now is closed all the same.
    await Promise.allSettled([this.client.logout()])
    clearTimeout(timer)
    this.client.close()
  }
}
