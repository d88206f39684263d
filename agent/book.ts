import { BoundedMap } from '../trust-anchors/index.ts'
import { type Address, parseAddress } from './address.ts'
import { inOrder } from './book/in-order.ts'
import { leavingAlone } from './book/leave-alone.ts'
import { believedBy, type ClassifyTools, classifyOne } from './classify.ts'
import { createLimit } from './fetch/share.ts'
import type { Recipient } from './recipient-types.ts'
import type { Believed } from './search.ts'

/** Addresses that are looked up side by side. */
const AT_ONCE = 64
/** Of these, in one domain: as many as for one message, however many of its people a book holds one after the other. */
const AT_ONCE_IN_DOMAIN = 8
/** Addresses read before their turn: one slow domain holds up nobody behind it, and memory does not grow with the book. */
const AHEAD = 1000
/** Answers that are at hand for an address that comes again; of those before, what servers said is kept (DISC-11). */
const REMEMBERED = 500
/** Whom we believe is looked up again so often: an anchor that is taken away counts from then on. */
const BELIEVED_MS = 1000

/**
 * Address -> route and why, for any number of addresses, in their order. One that comes again is not asked about again:
 * its answer is at hand, or is judged anew from what servers said before. Throws NO_ANCHORS, before anybody is asked, where `from` has none and nobody has a
 * pin; ABORTED.
 */
export async function* classifyEach(
  addresses: Iterable<string> | AsyncIterable<string>,
  from: Address | null,
  tools: ClassifyTools,
  signal?: AbortSignal,
): AsyncGenerator<Recipient, void, void> {
  const believed = againEvery(BELIEVED_MS, () => believedBy(from, tools, ({ hasPins }) => hasPins, signal))
  await believed()
  const { network } = tools.sources
  const sources = { ...tools.sources, network: network && leavingAlone(network) }
  const limit = createLimit(AT_ONCE, AT_ONCE_IN_DOMAIN)
  const known = new BoundedMap<Promise<Recipient>>(REMEMBERED, () => 1)

  async function lookUp(text: string, domain: string, signal: AbortSignal): Promise<Recipient> {
    const ask = async () => classifyOne(text, await believed(), { ...tools, sources }, signal)
    return (await limit(ask, signal, domain)).recipient
  }

  function answer(text: string, signal: AbortSignal): Promise<Recipient> {
    const address = parseAddress(text)
    if ('code' in address) return lookUp(text, '', signal)
    const key = address.toString()
    const answered = known.get(key) ?? lookUp(text, address.domain, signal)
    known.set(key, answered)
    return answered
  }

  yield* inOrder(addresses, answer, { ahead: AHEAD, signal })
}

function againEvery(ms: number, read: () => Promise<Believed>): () => Promise<Believed> {
  let last: { readonly at: number; readonly answer: Promise<Believed> } | null = null
  return () => {
    const now = performance.now()
    if (last === null || now - last.at > ms) last = { at: now, answer: read() }
    return last.answer
  }
}
