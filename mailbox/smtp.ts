import { parseAddress } from '../agent/address.ts'
import { DirectError } from '../agent/errors.ts'
import { tokenUnlessAborted } from './ask-token.ts'
import { RefusedLogins } from './refused-logins.ts'
import { isForGood, printable } from './replies.ts'
import { SmtpPool, type Wanted } from './smtp-pool.ts'
import type { SmtpSession, SmtpSessionOptions } from './smtp-session.ts'
import type { Transaction, TransactionResult } from './smtp-transaction.ts'
import type { Lookup, MailServer, RecipientOutcome, SmtpClient, Submission, TlsProof } from './types.ts'

export interface SmtpClientOptions {
  readonly lookup: Lookup
  /** For connecting to each address, and for everything up to the answer to EHLO. Default 30 s. */
  readonly timeoutMs?: number
  /** How long the server may stay silent after that. Default 10 min, as RFC 5321 4.5.3.2.6 asks for the last reply. */
  readonly replyTimeoutMs?: number
  /**
   * How long a stop waits for the answer to a message that the server has whole: without it, nobody knows who has it.
   * Default 5 s.
   */
  readonly stopMs?: number
  /** How long a connection that nobody needs is kept. Default 10 s. */
  readonly idleMs?: number
  /** How long a login that was refused is not tried again. Default 30 s. */
  readonly refusedMs?: number
  /** The name that EHLO gives. Default: this machine's, where it is a full one. */
  readonly helloName?: string
}

/**
 * SMTP as a client (protocol.md SMTP, MSG-12, MSG-13; RFC 5321). TLS as `tlsRule` decides. Connections are kept for a
 * while and used again: whoever makes it ends it.
 */
export function createSmtpClient(options: SmtpClientOptions): SmtpClient & AsyncDisposable {
  const open = ({ server, requireTls, signal }: Wanted) =>
    openSession(server, {
      lookup: options.lookup,
      requireTls,
      helloName: options.helloName,
      timeoutMs: options.timeoutMs ?? 30_000,
      replyTimeoutMs: options.replyTimeoutMs ?? 600_000,
      stopMs: options.stopMs ?? 5000,
      signal,
    })
  const logins = new RefusedLogins(options.refusedMs ?? 30_000)
  const pool = new SmtpPool({
    open: (wanted) => logins.unlessRefused(wanted.server, () => openForMail(wanted, open)),
    idleMs: options.idleMs ?? 10_000,
  })
  return {
    submit: (server, submission, signal) => submit(server, submission, pool, signal),
    proveTls: (server, signal) => proveTls(server, () => open({ server, requireTls: true, signal })),
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}

async function submit(
  server: MailServer,
  submission: Submission,
  pool: SmtpPool,
  signal: AbortSignal | undefined,
): Promise<readonly RecipientOutcome[]> {
  const from = plainAddress(submission.from)
  if (from === null) {
    throw new DirectError(
      'ADDRESS_INVALID',
      `${printable(submission.from)} cannot be the sender of a message`,
    )
  }
  const envelope = submission.to.map((address) => ({ address, to: plainAddress(address) }))
  const to = envelope.flatMap((recipient) => recipient.to ?? [])
  const { bytes, content } = submission
  const requireTls = submission.tls === 'required'
  const onAllSent = async (taken: readonly string[]) =>
    await submission.onAllSent?.(
      envelope.flatMap(({ address, to }) => (to !== null && taken.includes(to) ? address : [])),
    )
  const transaction = { from, to, bytes, eightBit: requireTls, content, onAllSent }
  const answers =
    to.length === 0 ? new Map() : await deliver(pool, { server, requireTls, signal }, transaction)
  return envelope.map((recipient) => ({
    address: recipient.address,
    ...(recipient.to === null ? NOT_PLAIN : (answers.get(recipient.to) ?? NOT_TRIED)),
  }))
}

type Answer = Omit<RecipientOutcome, 'address'>
const NOT_PLAIN: Answer = { outcome: 'final', reply: 'not a plain mail address; the server was not asked' }
const NOT_TRIED: Answer = { outcome: 'temporary', reply: 'the server was not asked' }

/**
 * An address as it may stand in an envelope: dot-atom and A-labels, nothing but ASCII (MSG-13). nodemailer makes another
 * address of one that is not, and would send to that.
 */
function plainAddress(text: string): string | null {
  const address = parseAddress(text)
  return 'code' in address ? null : address.toString()
}

/** All of one submission's transactions on one connection. */
async function deliver(
  pool: SmtpPool,
  wanted: Wanted,
  transaction: Transaction,
): Promise<ReadonlyMap<string, Answer>> {
  const done = await pool.use(wanted, async (session) => {
    const first = await session.send(transaction)
    const answers = new Map(transaction.to.map((address) => [address, answerTo(address, first)]))
    for (const address of overLimit(transaction.to, first))
      answers.set(
        address,
        session.usable
          ? await deliverAlone(session, { ...transaction, to: [address] }, address)
          : { outcome: 'temporary', reply: first.refused.get(address) ?? first.reply },
      )
    return { answers, unheard: first.unheard }
  })
  if (typeof done !== 'string' && !(done instanceof DirectError)) return done.answers
  const why = typeof done === 'string' ? { reply: done } : { reply: printable(done.message), code: done.code }
  return new Map(transaction.to.map((address) => [address, { outcome: 'temporary', ...why }]))
}

function answerTo(address: string, result: TransactionResult): Answer {
  const refusal = result.refused.get(address)
  if (refusal === undefined) return { outcome: result.outcome, reply: result.reply }
  return { outcome: isForGood(refusal) ? 'final' : 'temporary', reply: refusal }
}

/**
 * Those whom the server would not take *beside the others*: 452 after an accepted recipient, or 552, as older servers say
 * (RFC 5321 4.5.3.1.10).
 */
function overLimit(to: readonly string[], result: TransactionResult): readonly string[] {
  if (result.refused.size === to.length) return []
  return to.filter((address) => /^[45]52\b/.test(result.refused.get(address) ?? ''))
}

/** One more transaction, for one recipient. It must not throw: others have the message already, which must be told. */
async function deliverAlone(
  session: SmtpSession,
  transaction: Transaction,
  address: string,
): Promise<Answer> {
  try {
    return answerTo(address, await session.send(transaction))
  } catch (cause) {
    return { outcome: 'temporary', reply: printable(cause instanceof Error ? cause.message : String(cause)) }
  }
}

/**
 * A session that is logged in where the server has a user; an error, or the server's reply, is why there is none now. A token that is refused is
 * asked for anew, once.
 */
async function openForMail(
  wanted: Wanted,
  open: (wanted: Wanted) => Promise<SmtpSession | DirectError>,
  refused?: string,
): Promise<SmtpSession | DirectError | string> {
  const session = await open(wanted)
  if (session instanceof DirectError) return session
  const { user, password = '', token } = wanted.server
  if (user === undefined) return session
  let secret = password
  try {
    if (token !== undefined) secret = await tokenUnlessAborted(token, refused, wanted.signal)
    const notNow = await session.login(wanted.server, user, secret)
    if (notNow === null) return session
    await session.end()
    return notNow
  } catch (cause) {
    await session.end()
    const again = token !== undefined && refused === undefined
    if (!(again && cause instanceof DirectError && cause.code === 'SMTP_LOGIN')) throw cause
    return await openForMail(wanted, open, secret)
  }
}

/** What opening a session is expected to come to besides a session. */
const EXPECTED = new Set(['SMTP_UNREACHABLE', 'DNS_UNREACHABLE', 'TLS_FAILED', 'ABORTED'])

async function openSession(
  server: MailServer,
  options: SmtpSessionOptions,
): Promise<SmtpSession | DirectError> {
  // Loaded when it is needed: most commands send nothing.
  const { SmtpSession } = await import('./smtp-session.ts')
  try {
    return await SmtpSession.open(server, options)
  } catch (cause) {
    if (cause instanceof DirectError && EXPECTED.has(cause.code)) return cause
    throw cause
  }
}

async function proveTls(
  { host, port }: MailServer,
  open: () => Promise<SmtpSession | DirectError>,
): Promise<TlsProof> {
  const session = await open()
  if (session instanceof DirectError)
    return { proved: false, temporary: session.temporary, text: printable(session.message) }
  const tls = session.tls()
  await session.end()
  if (tls === null) return { proved: false, temporary: false, text: `no TLS with ${host}:${port}` }
  const { subject, valid_to } = tls.certificate
  return {
    proved: true,
    protocol: tls.protocol,
    subject: printable(String(subject.CN ?? host)),
    validTo: new Date(valid_to),
  }
}
