import type { MailServer, RecipientOutcome, SmtpClient } from '../mailbox/index.ts'
import type { OutboxCopy, Store } from '../store/index.ts'
import { DirectError } from './errors.ts'
import type { Source } from './smime/source.ts'

/** What handing mail to SMTP asks of its neighbours. */
export interface OutboxTools {
  readonly store: Store
  readonly smtp: SmtpClient
  /** The relay of the direct route. */
  readonly relay: MailServer | undefined
  /** The servers of `tlsDomains`, by domain. */
  readonly tlsServers: ReadonlyMap<string, MailServer>
  /** Opens the sealed record of a message of ours: what the tls route carries. */
  readonly openRecord: (body: Source, mailFrom: string) => Promise<Source & AsyncDisposable>
  readonly now: () => Date
}

const MINUTE_MS = 60_000
/** Pauses between tries, in minutes; the last one repeats. */
const PAUSES = [1, 2, 5, 10, 20, 30, 60]
/** About a day of trying; then what is still pending has failed, and the sender is told. */
const MOST_ATTEMPTS = 30
/** A copy is held this long by the process that tries it. Longer than SMTP takes for the largest message. */
const HOLD_MS = 15 * MINUTE_MS

/** Tries every copy whose time has come (of one message when `messageId` is given). Returns how many were tried. */
export async function deliverCopies(
  tools: OutboxTools,
  options: { readonly messageId?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<number> {
  const { store, now } = tools
  const restrict = options.messageId === undefined ? {} : { messageId: options.messageId }
  let tried = 0
  while (!options.signal?.aborted) {
    const copies = await store.outbox.claim(now(), new Date(now().getTime() + HOLD_MS), {
      ...restrict,
      limit: 1,
    })
    if (copies.length === 0) break
    for (const copy of copies) {
      const outcomes = await handOver(copy, tools, options.signal)
      await store.outbox.tried(copy.id, outcomes, now(), nextTry(copy.attempts + 1, now()))
      tried++
    }
  }
  return tried
}

function nextTry(attempts: number, now: Date): Date | null {
  if (attempts >= MOST_ATTEMPTS) return null
  const minutes = PAUSES[Math.min(attempts, PAUSES.length) - 1] as number
  return new Date(now.getTime() + minutes * MINUTE_MS)
}

/** One SMTP transaction. What stops it is an outcome for each recipient, so that the copy stays in the outbox. */
async function handOver(
  copy: OutboxCopy,
  tools: OutboxTools,
  signal?: AbortSignal,
): Promise<readonly RecipientOutcome[]> {
  const server = copy.route === 'tls' ? tools.tlsServers.get(copy.domain) : tools.relay
  if (!server) return allTemporary(copy, `no server is configured for ${copy.route} mail to ${copy.domain}`)
  try {
    await using content = await contentOf(copy, tools)
    return await tools.smtp.submit(
      server,
      {
        from: copy.mailFrom,
        to: copy.pending,
        bytes: content.bytes,
        content: () => content.read(),
        tls: copy.route === 'tls' ? 'required' : 'as-configured',
      },
      signal,
    )
  } catch (error) {
    if (error instanceof DirectError) return allTemporary(copy, `${error.code}: ${error.message}`)
    throw error
  }
}

function allTemporary({ pending }: OutboxCopy, reply: string): readonly RecipientOutcome[] {
  return pending.map((address) => ({ address, outcome: 'temporary', reply }))
}

async function contentOf(copy: OutboxCopy, tools: OutboxTools): Promise<Source & AsyncDisposable> {
  const stored = await storedSource(tools.store, copy.body)
  if (copy.route === 'tls') return tools.openRecord(stored, copy.mailFrom)
  return { ...stored, async [Symbol.asyncDispose]() {} }
}

/** A body of the store as a source. */
export async function storedSource(store: Store, body: number): Promise<Source> {
  return { bytes: await store.bodies.size(body), read: () => store.bodies.read(body) }
}
