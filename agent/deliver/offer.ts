import { DirectError } from '../errors.ts'
import { owned } from '../mime/bytes.ts'
import { describeSigner, messageIdOf } from '../open/report.ts'
import { readParts } from '../read.ts'
import type { DeliveredMessage, DeliveredPart, Delivery } from '../receiving-types.ts'
import { Failures } from '../run/failures.ts'
import { News } from '../run/news.ts'
import { lent, type Source } from '../smime/source.ts'
import { describeFacts } from './description.ts'
import type { Settled } from './types.ts'
import { type HeldMessage, takeWaiting, type WaitingTools } from './waiting.ts'

/** What offering messages to an EHR drives. */
export interface OfferTools extends WaitingTools {
  /** Passes over the mailboxes, and whatever leaves, until `signal` aborts. Hears of each report, and of each failure. */
  readonly drive: (signal: AbortSignal, on: OfferEvents) => Promise<void>
  /** What the EHR took is flagged in its mailboxes, named as the ledger names them. */
  readonly flagTaken: (mailboxes: ReadonlySet<string>) => Promise<void>
  /** When a message comes again that was neither accepted nor rejected. */
  readonly againMs: number
}

export interface OfferEvents {
  onReport(): void
  onFailure(error: unknown): void
}

const LOOK_SECONDS = 2
const TAKING = Symbol('takes what waits')

/**
 * Trusted messages for an EHR that takes them itself, one after the other, while all mailboxes are passed over beside: who
 * rests in the loop holds the message in hand, and no mailbox. A server that is away comes back; a wrong password does not
 * mend itself, and is thrown.
 */
export async function* offerAll(tools: OfferTools, signal?: AbortSignal): AsyncGenerator<Delivery> {
  const stop = new AbortController()
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
  const news = new News(stopped)
  const rest = news.listen(LOOK_SECONDS)
  let failure: { readonly error: unknown } | null = null
  const onFailure = (error: unknown) => {
    if (error instanceof DirectError && error.temporary) return
    failure ??= { error }
    stop.abort()
  }
  const driven = tools.drive(stopped, { onReport: () => news.tell(), onFailure }).catch(onFailure)
  const taken = new Set<string>()
  const passedBy = new Map<string, HeldMessage>()
  const failures = new Failures(tools.log)
  try {
    while (!stopped.aborted) {
      await using held = await nextWaiting(tools, failures, stopped)
      if (held === null) {
        await rest()
        continue
      }
      let isSettled = false
      const hand = { isOver: false }
      const settle = async (settled: Settled) => {
        await held.settle(settled)
        isSettled = true
        taken.add(held.mailbox)
        passedBy.delete(held.offered.key)
        news.tell()
      }
      try {
        yield deliveryOf(held, hand, settle)
      } finally {
        hand.isOver = true
      }
      if (isSettled) continue
      passedBy.set(held.offered.key, held)
      await held.putOff(tools.againMs, false, [])
    }
  } finally {
    stop.abort()
    await driven
    // Whoever comes next need not wait for them.
    for (const held of passedBy.values()) await held.putOff(0, false, [])
    await tools.flagTaken(taken)
  }
  if (failure !== null) throw (failure as { readonly error: unknown }).error
}

/** Null: none is there now. */
async function nextWaiting(
  tools: OfferTools,
  failures: Failures,
  signal: AbortSignal,
): Promise<HeldMessage | null> {
  try {
    const held = await takeWaiting(tools, signal)
    failures.succeeded(TAKING)
    return held
  } catch (error) {
    if (signal.aborted) return null
    if (!(error instanceof DirectError && error.temporary)) throw error
    failures.failed(TAKING, 'deliveries', error)
    return null
  }
}

/** The message that whoever loops has, until the next one is asked for. */
interface Hand {
  readonly isOver: boolean
}

function deliveryOf(
  { offered }: HeldMessage,
  hand: Hand,
  settle: (settled: Settled) => Promise<void>,
): Delivery {
  const { judged, message, deliveries, key } = offered
  const { inner, author, path } = message
  const delivered: DeliveredMessage = {
    messageId: messageIdOf(judged),
    from: author.toString(),
    ...describeFacts(message),
    sha256: message.innerSha256,
    bytes: inner.bytes,
    read: () => whileIn(hand, () => owned(lent(inner))),
    parts: () => partsIn(hand, inner),
  }
  return {
    key,
    message: delivered,
    recipients: deliveries.map(({ recipient }) => recipient),
    signer: describeSigner({ certificate: path.leaf, boundTo: path.boundTo, name: path.boundName }),
    warnings: judged.warnings,
    accept: (where) => settle({ outcome: 'delivered', where: where ?? null }),
    reject: (why) => settle({ outcome: 'rejected', why: [{ code: 'EHR_REJECTED', text: why }] }),
  }
}

async function* partsIn(hand: Hand, inner: Source): AsyncGenerator<DeliveredPart> {
  for await (const part of whileIn(hand, () => readParts(inner)))
    yield { ...part, read: () => whileIn(hand, () => part.read()) }
}

/** What was spooled of a message that is not in hand any more is gone, in the middle of reading too. */
async function* whileIn<T>(hand: Hand, read: () => AsyncIterable<T>): AsyncGenerator<T> {
  requireIn(hand)
  try {
    for await (const one of read()) {
      requireIn(hand)
      yield one
    }
  } catch (error) {
    requireIn(hand)
    throw error
  }
}

function requireIn({ isOver }: Hand): void {
  if (isOver)
    throw new DirectError('USAGE', 'the message is read after the next one was asked for, or the loop left', {
      hint: 'Read it before that. One that was not accepted comes again.',
    })
}
