import type { MailServer, SmtpClient } from '../mailbox/index.ts'
import type { OutboxCopy, Store, TriedRecipient } from '../store/index.ts'
import { DirectError, type DirectErrorCode } from './errors.ts'
import { HOLD_MS, holdUntil, whileHeld } from './hold.ts'
import type { Log } from './log.ts'
import type { Lanes, Room } from './outbox/lanes.ts'
import type { Outages } from './outbox/outages.ts'
import { once, type Source } from './smime/source.ts'
import { storedSource, wholeSource } from './stored-source.ts'

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
  /** What is under way, of all who use these tools. */
  readonly lanes: Lanes
  /** Hears of servers that take no mail, of all who use these tools. */
  readonly outages: Outages
  /** True while what the clock says of time limits cannot be believed. Without it, it can. */
  readonly clockLeapt?: () => boolean
  readonly now: () => Date
  /** From 0 up to 1. */
  readonly random: () => number
  readonly log: Log
}

/**
 * Seconds between tries at most, a quarter less at least: what failed together does not come back together. The last one
 * repeats. A server that was only restarted is back at once.
 */
const PAUSES = [5, 15, 60, 120, 300, 600, 1200, 1800, 3600]
/**
 * Who lost the server's last word waits so long: a message that the server has is processed meanwhile, and its MDN says
 * so before it goes a second time.
 */
const IN_DOUBT_MS = 120_000
/** About a day of trying; then what is still pending has failed, and the sender is told. */
const MOST_ATTEMPTS = 32

/** What a daemon adds: it goes on, and nothing that fails ends it. */
export interface Unending {
  /** Begins to listen; each call then resolves when there may be more to do than at the last. */
  readonly news: () => () => Promise<void>
  /** Hears of each failure. Without it the first one is thrown at the end. */
  readonly onFailure: (failure: unknown) => void
}

/**
 * Tries every copy whose time has come, side by side as far as the lanes go, until nothing is left; with `unending`, until
 * `signal` aborts. Of one message, when it is given: all at once. Returns how many were tried.
 */
export async function deliverCopies(
  tools: OutboxTools,
  options: {
    readonly messageId?: string
    readonly signal?: AbortSignal | undefined
    readonly unending?: Unending | undefined
  } = {},
): Promise<number> {
  const { messageId, signal, unending } = options
  const { store, now, lanes } = tools
  if (messageId !== undefined) {
    const asked = { messageId, underWay: lanes.underWay }
    return await tryAll(await store.outbox.claim(now(), holdUntil(now()), asked), tools, signal)
  }
  const failures: unknown[] = []
  const onFailure = unending?.onFailure ?? ((failure: unknown) => void failures.push(failure))
  const routes = (['direct', 'tls'] as const).map((route) =>
    deliverDue(route, tools, { signal, news: unending?.news() ?? null, onFailure }),
  )
  const tried = await Promise.all(routes)
  if (failures.length > 0) throw failures[0]
  return tried.reduce((sum, some) => sum + some, 0)
}

/** Tries copies that were claimed, all at once. Throws the first failure when all have come to an end. */
export async function tryAll(
  copies: readonly OutboxCopy[],
  tools: OutboxTools,
  signal?: AbortSignal,
): Promise<number> {
  const { lanes } = tools
  const added = lanes.add(copies)
  const tries = added.map((copy) => tryCopy(copy, tools, signal).finally(() => lanes.leave(copy)))
  for (const one of await Promise.allSettled(tries)) if (one.status === 'rejected') throw one.reason
  return added.length
}

async function deliverDue(
  route: OutboxCopy['route'],
  tools: OutboxTools,
  {
    signal,
    news,
    onFailure,
  }: {
    readonly signal: AbortSignal | undefined
    /** Null: it ends when nothing is left. */
    readonly news: ReturnType<Unending['news']> | null
    readonly onFailure: Unending['onFailure']
  },
): Promise<number> {
  const { store, now, lanes } = tools
  // For as long as a hold a new message is left to whoever queued it, so that `send` and the daemon do not race.
  const claim = (room: Room) =>
    store.outbox.claim(now(), holdUntil(now()), {
      ...room,
      underWay: lanes.underWay,
      evenLate: tools.clockLeapt?.() ?? false,
      untriedSince: new Date(now().getTime() - HOLD_MS),
    })
  const underWay = new Set<Promise<void>>()
  const begin = (copy: OutboxCopy) => {
    const trying = tryCopy(copy, tools, signal)
      .catch(onFailure)
      .finally(() => {
        lanes.leave(copy)
        underWay.delete(trying)
      })
    underWay.add(trying)
  }
  let tried = 0
  while (!signal?.aborted) {
    const busy = underWay.size
    const copies = await lanes.enter(route, claim).catch((failure) => {
      onFailure(failure)
      return []
    })
    copies.forEach(begin)
    tried += copies.length
    // Whoever ended while it was asked has made room that the question did not know of.
    if (copies.length > 0 || underWay.size < busy) continue
    if (underWay.size === 0 && news === null) break
    await Promise.race([...underWay, ...(news === null ? [] : [news()])])
  }
  await Promise.all(underWay)
  return tried
}

async function tryCopy(copy: OutboxCopy, tools: OutboxTools, signal?: AbortSignal): Promise<void> {
  const { store, now } = tools
  let mayBeTaken = false
  const inDoubt = () => new Date(now().getTime() + IN_DOUBT_MS)
  const renew = (until: Date) => store.outbox.hold(copy.id, mayBeTaken ? inDoubt() : until)
  // A process that is killed behind the dot leaves the copy in doubt, as a lost reply does. No MDN tells of an MDN.
  const onAllSent = async (to: readonly string[]) => {
    if (copy.kind !== 'message') return
    mayBeTaken = true
    await store.outbox.hold(copy.id, inDoubt(), to)
  }
  const held = { messageId: copy.messageId, renew }
  const server = serverFor(copy, tools)
  const outcomes = await whileHeld(held, tools, () => handOver(copy, server, tools, onAllSent, signal))
  const again = nextTry(copy, outcomes, tools, signal?.aborted === true)
  await store.outbox.tried(copy.id, outcomes, now(), again)
  tellOutage(copy, server, outcomes, tools.outages)
  logTried(copy, outcomes, again, tools.log)
}

/** `code`: of the error of ours that kept it from the server. */
type Tried = TriedRecipient & { readonly code?: DirectErrorCode }

function serverFor(
  { route, domain }: OutboxCopy,
  { tlsServers, relay }: OutboxTools,
): MailServer | undefined {
  return route === 'tls' ? tlsServers.get(domain) : relay
}

/** Whoever is stopped learns nothing of the server. */
function tellOutage(
  { id, route, domain }: OutboxCopy,
  server: MailServer | undefined,
  outcomes: readonly Tried[],
  outages: Outages,
): void {
  const name = server ? `${server.host}:${server.port}` : `the server of ${route} mail to ${domain}`
  const waiting = outcomes.find(({ outcome }) => outcome === 'temporary')
  if (waiting === undefined) {
    if (outcomes.some(({ outcome }) => outcome === 'accepted' || outcome === 'final')) outages.answered(name)
  } else if (waiting.code !== 'ABORTED') outages.notTaken(name, id, waiting.code)
}

/** What the server said may name people; it is in the store, for `status`. What merely waits is told by `Outages`. */
function logTried(
  { messageId, kind, route }: OutboxCopy,
  outcomes: readonly Tried[],
  again: Date | null,
  log: Log,
): void {
  const count = (wanted: TriedRecipient['outcome']) =>
    outcomes.filter(({ outcome }) => outcome === wanted).length
  // An MDN or a failure notice of ours is told apart: its Message-ID says nothing to whoever knows the message.
  const ours = kind === 'message' ? {} : { kind }
  const facts = { messageId, ...ours, route, accepted: count('accepted'), refused: count('final') }
  const [waiting, inDoubt, damaged] = [count('temporary'), count('unknown'), count('damaged')]
  if (damaged > 0)
    log.error(
      { ...facts, damaged },
      'not sent, as the stored message is not what was written; direct store check tells more',
    )
  else if (inDoubt > 0)
    log.warn(
      { ...facts, waiting, inDoubt, again },
      'handed over, and the answer was lost; direct status tells why',
    )
  else if (facts.refused > 0) log.warn(facts, 'refused by the server; direct status tells why')
  else if (facts.accepted > 0) log.info(waiting > 0 ? { ...facts, waiting, again } : facts, 'sent')
}

/** When a copy is tried again, null: no more. Whoever was stopped has not failed: the next run goes on at once. */
function nextTry(
  copy: OutboxCopy,
  outcomes: readonly TriedRecipient[],
  { now, random }: Pick<OutboxTools, 'now' | 'random'>,
  stopped: boolean,
): Date | null {
  const attempts = copy.attempts + 1
  if (attempts >= MOST_ATTEMPTS && !stopped) return null
  const pause = (PAUSES[Math.min(attempts, PAUSES.length) - 1] as number) * (1 - random() / 4)
  const inDoubt = outcomes.some(({ outcome }) => outcome === 'unknown')
  return new Date(now().getTime() + Math.max(stopped ? 0 : pause * 1000, inDoubt ? IN_DOUBT_MS : 0))
}

/** One SMTP transaction, with `onAllSent` as `Submission` says. What stops it is an outcome for each recipient, so that the copy stays in the outbox. */
async function handOver(
  copy: OutboxCopy,
  server: MailServer | undefined,
  tools: OutboxTools,
  onAllSent: (to: readonly string[]) => Promise<void>,
  signal?: AbortSignal,
): Promise<readonly Tried[]> {
  if (!server)
    return allOf(copy, 'temporary', `no server is configured for ${copy.route} mail to ${copy.domain}`)
  try {
    await using content = await contentOf(copy, tools)
    return await tools.smtp.submit(
      server,
      {
        from: copy.mailFrom,
        to: copy.pending,
        bytes: content.bytes,
        content: () => content.read(),
        onAllSent,
        tls: copy.route === 'tls' ? 'required' : 'as-configured',
      },
      signal,
    )
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    const said = [error.message, error.hint].filter(Boolean).join('. ').replace(/\.$/, '')
    // The server never saw the end of it. No later try would find another body.
    return error.code === 'STORE_DAMAGED'
      ? allOf(copy, 'damaged', said)
      : allOf(copy, 'temporary', said, error.code)
  }
}

function allOf(
  { pending }: OutboxCopy,
  outcome: TriedRecipient['outcome'],
  reply: string,
  code?: DirectErrorCode,
): readonly Tried[] {
  return pending.map((address) => ({ address, outcome, reply, ...(code && { code }) }))
}

async function contentOf(copy: OutboxCopy, tools: OutboxTools): Promise<Source & AsyncDisposable> {
  if (copy.route === 'tls') return tools.openRecord(await wholeSource(tools.store, copy.body), copy.mailFrom)
  const { bytes } = copy
  const source =
    bytes === undefined
      ? await storedSource(tools.store, copy.body)
      : { bytes: bytes.length, read: () => once(bytes) }
  return { ...source, async [Symbol.asyncDispose]() {} }
}
