import type { Asked, Store, WaitingMessage } from '../store/index.ts'
import type { Classified } from './classify.ts'
import { DirectError, type Reason } from './errors.ts'
import { givenAddress } from './given-address.ts'
import { holdUntil, whileHeld } from './hold.ts'
import type { Log } from './log.ts'
import type { Failures } from './run/failures.ts'
import { isOver, nextQuestion } from './seek/pauses.ts'
import { gaveUp, waitingFor } from './seek/reasons.ts'
import { copiesFor } from './seek/reseal.ts'
import { isReachable } from './send/copies.ts'
import { deadlineOf } from './send/deadline.ts'
import type { SendTools } from './send/prepare.ts'

/** What seeking a way to those who wait asks of its neighbours. */
export interface SeekTools extends SendTools {
  readonly store: Store
  readonly log: Log
  /** Hears of each message of which it is not known yet: a name server that is away is one thing to mend. */
  readonly unknowns: Failures
}

/** Name servers that are silent hold up the question that asks them, not all others. */
const IN_PARALLEL = 4

/**
 * Asks again for every message that is due how its waiting recipients can be reached (DISC-6), within `patienceMs`. Who
 * can be gets a copy in the outbox; who cannot, or was asked about for too long, has failed. Trust is judged anew, with
 * the anchors of now. Returns how many got a copy.
 */
export async function seekRoutes(
  tools: SeekTools,
  {
    signal,
    patienceMs = Number.POSITIVE_INFINITY,
  }: { readonly signal?: AbortSignal | undefined; readonly patienceMs?: number | undefined } = {},
): Promise<number> {
  const { store, now } = tools
  const end = performance.now() + patienceMs
  let reached = 0
  const work = async () => {
    while (!signal?.aborted && performance.now() < end) {
      const waiting = await store.waiting.claim(now(), holdUntil(now()))
      if (waiting === null) return
      const { id, messageId } = waiting
      const held = { messageId, renew: (until: Date) => store.waiting.hold(id, until) }
      // Not `reached += await`: another worker may count while this one waits.
      const found = await whileHeld(held, tools, () => ask(waiting, tools, signal))
      reached += found
    }
  }
  const worked = await Promise.allSettled(Array.from({ length: IN_PARALLEL }, work))
  for (const one of worked) if (one.status === 'rejected') throw one.reason
  return reached
}

/** What a question came to; `bug`: what was thrown that nobody expects. */
type Found = Omit<Asked, 'again'> & { readonly bug?: unknown }

/** What an unexpected error says could quote a message. */
const BUG: Reason = { code: 'LOOKUP_FAILED', text: 'a bug in direct-agent stopped the question' }

/** One more question about everyone of one message who waits. */
async function ask(waiting: WaitingMessage, tools: SeekTools, signal?: AbortSignal): Promise<number> {
  const { store, now, random } = tools
  const { bug, ...found } = await routesNow(waiting, tools, signal).catch((bug: unknown) => ({
    ...nobodyReached(waiting, [BUG]),
    bug,
  }))
  if (signal?.aborted) {
    // Whoever was stopped has not asked: the next run does so at once.
    await store.waiting.release(waiting.id)
    return 0
  }
  const asked = waiting.asked + 1
  const { since, until } = waiting
  const again = isOver({ since, until, asked }, now()) ? null : nextQuestion(asked, now(), until, random)
  const explained = (address: string, why: readonly Reason[]) =>
    again === null ? gaveUp(address, why, { since, asked }) : waitingFor(why, { nextAt: again, until })
  const outcome: Asked = {
    ...found,
    unknown: found.unknown.map(({ address, why }) => ({ address, why: explained(address, why) })),
    again,
  }
  const isDone = await store.waiting.asked(waiting.id, outcome, now())
  if (isDone) logAsked(waiting, outcome, { ...tools, code: found.unknown[0]?.why[0]?.code })
  // It has been counted first, so that the wait comes to its end all the same.
  if (bug !== undefined) throw bug
  return isDone ? outcome.reached.length : 0
}

/** Everyone who waits, by the route that is known now, with the copies that carry the message. */
async function routesNow(waiting: WaitingMessage, tools: SeekTools, signal?: AbortSignal): Promise<Found> {
  const all = await orFault(tools.classify(waiting.waiting, givenAddress(waiting.from), signal))
  if ('fault' in all) return nobodyReached(waiting, all.fault)
  const ofRoute = (route: string) => all.filter(({ recipient }) => recipient.route === route).map(whyOf)
  const [refused, unknown] = [ofRoute('insecure'), ofRoute('undetermined')]
  const reached = all.filter(isReachable)
  if (reached.length === 0) return { refused, unknown, reached: [], copies: [] }
  const copies = await orFault(copiesFor(reached, waiting, tools))
  if ('fault' in copies) {
    const stuck = reached.map(({ recipient: { address } }) => ({ address, why: copies.fault }))
    // No later question would find another record.
    if (copies.fault.some(({ code }) => code === 'STORE_DAMAGED'))
      return { refused: [...refused, ...stuck], unknown, reached: [], copies: [] }
    return { refused, unknown: [...unknown, ...stuck], reached: [], copies: [] }
  }
  const deadline = deadlineOf(tools.now(), tools)
  return { refused, unknown, reached: reached.map((one) => ({ ...routeOf(one), deadline })), copies }
}

function nobodyReached({ waiting }: WaitingMessage, why: readonly Reason[]): Found {
  return { unknown: waiting.map((address) => ({ address, why })), reached: [], refused: [], copies: [] }
}

/** What is wrong on our side: a broken configuration loses nobody, it may be put right while they wait. */
interface Fault {
  readonly fault: readonly Reason[]
}

async function orFault<T>(work: Promise<T>): Promise<T | Fault> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof DirectError)) throw error
    const { code, message, hint } = error
    return { fault: [{ code, text: [message, hint].filter(Boolean).join('. ') }] }
  }
}

function whyOf({ recipient: { address, why } }: Classified) {
  return { address, why }
}

function routeOf({ recipient: { address }, path }: Classified): Asked['reached'][number] {
  return { address, route: path ? 'direct' : 'tls', certificate: path?.leaf.sha256 ?? null }
}

/** It never says that it is over: who is known is told with the message. */
const UNKNOWN = Symbol('unknown')

/** What failed may name people; it is in the store, for `status`. `code`: of what is not known. */
function logAsked(
  { messageId }: WaitingMessage,
  { reached, refused, unknown, again }: Asked,
  { log, unknowns, code }: Pick<SeekTools, 'log' | 'unknowns'> & { readonly code: string | undefined },
) {
  const facts = { messageId, reached: reached.length, refused: refused.length }
  if (unknown.length === 0) log.info(facts, 'it is known by now how all who waited can be reached')
  else if (again === null)
    log.warn({ ...facts, failed: unknown.length }, 'asked for too long; direct status tells why')
  else {
    const waits = { waiting: unknown.length, again }
    if (reached.length + refused.length > 0) log.info({ ...facts, ...waits }, 'it is known by now of some')
    unknowns.fails(UNKNOWN, {
      key: `${code}`,
      text: 'how recipients can be reached is not known yet',
      facts: { loop: 'routes', code },
      once: { messageId, ...waits, hint: 'direct status tells of each message who waits, and why.' },
      isBug: false,
    })
  }
}
