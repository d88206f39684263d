import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { type PeerCertificate, TLSSocket } from 'node:tls'
import SMTPConnection, { type SMTPError } from 'nodemailer/lib/smtp-connection'
import { DirectError } from '../agent/errors.ts'
import { aborted, dial } from './dial.ts'
import { failedOutcome, isOfSession, oddity, openingFailure, printable, Replies, replyOf } from './replies.ts'
import { Content, WHEN } from './smtp-content.ts'
import { BY_TOKEN, loginByToken, withoutSecrets } from './smtp-login.ts'
import type { Transaction, TransactionResult } from './smtp-transaction.ts'
import { tlsOptions, tlsRule } from './tls.ts'
import type { Lookup, MailServer } from './types.ts'

export interface SmtpSessionOptions {
  readonly lookup: Lookup
  readonly requireTls: boolean
  readonly helloName: string | undefined
  /** For connecting to each address, and for everything up to the answer to EHLO. */
  readonly timeoutMs: number
  /** How long the server may stay silent after that. */
  readonly replyTimeoutMs: number
  /** How long a stop waits for the answer to a message that the server has whole. */
  readonly stopMs: number
  readonly signal: AbortSignal | undefined
}

/** How long QUIT may wait for its answer. */
const QUIT_MS = 2000
/** Bytes per second below which a line counts as broken: a server that reads or answers byte by byte never falls silent. */
const SLOWEST = 4096
/** What a busy server may take over one recipient of many. */
const RECIPIENT_MS = 1000

/**
 * One SMTP connection after EHLO. It is nodemailer's `SMTPConnection`, which knows the protocol: EHLO and HELO, STARTTLS
 * with nothing left over from before, PIPELINING, AUTH, dot-stuffing. Its transports above that would choose the address,
 * decide about TLS and fold the recipients' answers into one by rules of their own.
 */
export class SmtpSession {
  readonly #connection: SMTPConnection
  readonly #replies: Replies
  #signal: AbortSignal | undefined
  readonly #replyTimeoutMs: number
  readonly #stopMs: number
  #fail: (cause: Error) => void = () => undefined
  /** What is being sent. */
  #source: Content | null = null
  /** The server may think a transaction open still. */
  #unfinished = false

  private constructor(
    connection: SMTPConnection,
    replies: Replies,
    { signal, replyTimeoutMs, stopMs }: SmtpSessionOptions,
  ) {
    this.#connection = connection
    this.#replies = replies
    this.#replyTimeoutMs = replyTimeoutMs
    this.#stopMs = stopMs
    connection.on('error', (cause: Error) => this.#fail(cause))
    // `end` comes before the reply that explains it.
    connection.on('end', () =>
      setImmediate(() =>
        this.#fail(Object.assign(new Error('the server closed the connection'), { code: 'ECONNECTION' })),
      ),
    )
    this.heed(signal)
  }

  /**
   * Connects and says EHLO, protected as `tlsRule` says. Throws DirectError: `SMTP_UNREACHABLE` (temporary),
   * `TLS_FAILED` (not offered, or a certificate that does not do; nothing was sent), `ABORTED`, or what `lookup` throws.
   */
  static async open(server: MailServer, options: SmtpSessionOptions): Promise<SmtpSession> {
    const { socket, address } = await dial(server, options.lookup, options.timeoutMs, options.signal)
    const rule = tlsRule(server, address, options.requireTls)
    const replies = new Replies()
    const connection = new SMTPConnection({
      connection: socket,
      host: server.host,
      port: server.port,
      secure: rule.start === 'implicit',
      requireTLS: rule.start === 'starttls',
      tls: tlsOptions(server, rule),
      name: options.helloName,
      connectionTimeout: options.timeoutMs,
      greetingTimeout: options.timeoutMs,
      socketTimeout: options.replyTimeoutMs,
      // A connection that failed is cut, so that no half message can pass for a whole one.
      socketCloseTimeout: 0,
      ...(server.token !== undefined && { customAuth: { [BY_TOKEN]: loginByToken } }),
      logger: replies,
      transactionLog: true,
    })
    const session = new SmtpSession(connection, replies, options)
    try {
      await session.#settled(2 * options.timeoutMs, (done) =>
        connection.connect((cause) => done(cause ?? null)),
      )
      return session
    } catch (cause) {
      session.#close()
      throw cause instanceof DirectError
        ? cause
        : openingFailure(server, cause as SMTPError, connection.upgrading === true)
    }
  }

  /** Protocol and certificate of the TLS connection; null without TLS. */
  tls(): { readonly protocol: string; readonly certificate: PeerCertificate } | null {
    const socket = this.#socket
    if (!(socket instanceof TLSSocket)) return null
    return { protocol: socket.getProtocol() ?? 'unknown', certificate: socket.getPeerCertificate() }
  }

  /**
   * Null once logged in; else the reply of a server that cannot say now. `secret` is a token where the server has one. A
   * refusal is DirectError `SMTP_LOGIN`.
   */
  async login(server: MailServer, user: string, secret: string): Promise<string | null> {
    const refused = (why: string) =>
      new DirectError('SMTP_LOGIN', `${server.host}:${server.port} refuses the login of ${user}: ${why}`, {
        hint: 'Check the user of the smtp url, and passwordEnv or tokenCommand.',
      })
    const method = server.token === undefined ? undefined : BY_TOKEN
    if (!this.#connection.allowsAuth) throw refused('it offers no AUTH')
    try {
      await this.#settled(this.#replyTimeoutMs, (done) =>
        this.#connection.login({ user, credentials: { user, pass: secret }, method }, done),
      )
      return null
    } catch (cause) {
      const failure = cause as SMTPError
      const reply = withoutSecrets(failure, user, secret)
      if (failure.code === 'EAUTH' && (failure.responseCode ?? 500) >= 500) throw refused(reply)
      return reply
    }
  }

  /** Whether another transaction can be tried. */
  get usable(): boolean {
    return !this.#connection.destroyed && this.#socket?.writable === true
  }

  get #socket(): Socket | null {
    return this.#connection._socket || null
  }

  /** What stops the work on this session from now on; undefined: nothing. */
  heed(signal: AbortSignal | undefined): void {
    this.#signal?.removeEventListener('abort', this.#stop)
    this.#signal = signal
    signal?.addEventListener('abort', this.#stop, { once: true })
    this.#socket?.ref()
  }

  /** Nobody works on it: it holds no process up. */
  rest(): void {
    this.#socket?.unref()
  }

  /** One transaction. What `content` throws is thrown on, and the server never sees the message's end. */
  async send(transaction: Transaction): Promise<TransactionResult> {
    // nodemailer notes the refused recipients on the envelope; when DATA fails, that is the only place.
    const envelope: SMTPConnection.Envelope & { rejectedErrors?: SMTPError[] } = {
      from: transaction.from,
      to: [...transaction.to],
      size: transaction.bytes,
      use8BitMime: transaction.eightBit,
    }
    const refused = () =>
      new Map(
        (envelope.rejectedErrors ?? []).map((refusal) => [
          refusal.recipient ?? '',
          replyOf(refusal, WHEN.waits),
        ]),
      )
    const { bytes, to, onAllSent } = transaction
    const taken = (isRefused: ReadonlyMap<string, string>) => to.filter((address) => !isRefused.has(address))
    const source = new Content(transaction, {
      whyNot: () => {
        if (this.#replies.oddity !== null) return this.#replies.oddity
        // Whatever follows anything else would be taken for commands, and an answer to one of them for that to the dot.
        const isAsked = String(this.#connection.lastServerResponse).startsWith('354')
        return isAsked ? null : 'the server did not answer DATA by asking for the message'
      },
      onAllSent: () => onAllSent(taken(refused())),
    })
    this.#source = source
    const longest = 3 * this.#replyTimeoutMs + to.length * RECIPIENT_MS + (bytes / SLOWEST) * 1000
    try {
      // A reply too many would be taken for the answer to what is asked now: it ends the connection first.
      await turn()
      if (this.#unfinished) await this.#reset()
      this.#unfinished = true
      this.#replies.forget()
      const info = await this.#settled<SMTPConnection.SentMessageInfo>(longest, (done) =>
        this.#connection.send(envelope, Readable.from(source.read(), { objectMode: false }), done),
      )
      if (source.state !== 'ended') throw new Error('the server answered before the message ended')
      if (oddity(info.response) !== null) throw Object.assign(new Error(), { response: info.response })
      this.#unfinished = false
      return { refused: refused(), outcome: 'accepted', reply: printable(info.response), unheard: false }
    } catch (cause) {
      // The rest of a message that was refused in its middle must not follow, and what follows must not be taken for it.
      if (source.state === 'begun') this.#close()
      if (source.failure !== null) {
        this.#close()
        throw source.failure.cause
      }
      const failure = cause as SMTPError
      if (isOfSession(failure.response)) this.#close()
      return {
        // After a refused MAIL FROM, or out of step, the answers to RCPT TO mean nothing.
        refused: failure.command === 'MAIL FROM' || source.isOutOfStep ? new Map() : refused(),
        outcome: failedOutcome(failure, source.state === 'ended'),
        reply: replyOf(failure, WHEN[source.state]),
        unheard: source.state === 'waits' && !this.usable,
      }
    } finally {
      this.#source = null
    }
  }

  /** Says QUIT; resolves when the connection is closed. */
  async end(): Promise<void> {
    this.#fail = () => undefined
    this.heed(undefined)
    if (!this.usable) {
      this.#close()
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => this.#connection.close(), QUIT_MS)
    this.#connection.once('end', resolve)
    this.#connection.quit()
    await promise
    clearTimeout(timer)
  }

  /** A server that does not know what it is at is left. */
  async #reset(): Promise<void> {
    try {
      await this.#settled(this.#replyTimeoutMs, (done) => this.#connection.reset(done))
    } catch (cause) {
      this.#close()
      throw cause
    }
  }

  readonly #stop = (): void => {
    const stop = (): void => {
      this.#fail(aborted())
      this.#close()
    }
    const source = this.#source
    if (source?.state !== 'ended') stop()
    else setTimeout(() => this.#source === source && stop(), this.#stopMs).unref()
  }

  #close(): void {
    this.#signal?.removeEventListener('abort', this.#stop)
    this.#connection.close()
  }

  /**
   * A call of nodemailer's as a promise that an error of the connection, its end, and the signal settle too; and so do
   * `ms` milliseconds, for nodemailer's own limit begins anew with every byte that comes.
   */
  async #settled<Value>(
    ms: number,
    start: (done: (cause: Error | null, value?: Value) => void) => void,
  ): Promise<Value> {
    if (this.#signal?.aborted) throw aborted()
    let timer: NodeJS.Timeout | undefined
    try {
      return await new Promise<Value>((resolve, reject) => {
        this.#fail = reject
        timer = setTimeout(() => {
          reject(Object.assign(new Error('the server did not come to an end in time'), { code: 'ETIMEDOUT' }))
          this.#close()
        }, ms)
        start((cause, value) => (cause === null ? resolve(value as Value) : reject(cause)))
      })
    } finally {
      clearTimeout(timer)
    }
  }
}
