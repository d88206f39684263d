import { BoundedMap } from '../trust-anchors/index.ts'
import { type Address, parseAddress } from './address.ts'
import { inOrder } from './book/in-order.ts'
import { believedBy, type ClassifyTools, classifyOne } from './classify.ts'
import { createLimit } from './fetch/share.ts'
import type { Recipient } from './recipient-types.ts'

/** Addresses that are looked up side by side. */
const AT_ONCE = 64
/** Of these, in one domain: as many as for one message, however many of its people a book holds one after the other. */
const AT_ONCE_IN_DOMAIN = 8
/** Addresses read before their turn: one slow domain holds up nobody behind it, and memory does not grow with the book. */
const AHEAD = 1000
/** Answers that are at hand for an address that comes again. */
const REMEMBERED = 2000

/**
 * Address -> route and why, for any number of addresses, in their order. Each address is asked about once, however often
 * it comes within a few thousand; whom we believe is read anew for each. Throws NO_ANCHORS, before anybody is asked,
 * where `from` has none and nobody has a pin; ABORTED.
 */
export async function* classifyEach(
  addresses: Iterable<string> | AsyncIterable<string>,
  from: Address | null,
  tools: ClassifyTools,
  signal?: AbortSignal,
): AsyncGenerator<Recipient, void, void> {
  const believed = () => believedBy(from, tools, ({ hasPins }) => hasPins, signal)
  await believed()
  const limit = createLimit(AT_ONCE, AT_ONCE_IN_DOMAIN)
  const domains = new BoundedMap<object>(2 * AHEAD, () => 1)
  const known = new BoundedMap<Promise<Recipient>>(REMEMBERED, () => 1)

  function domainOf({ domain }: Address): object {
    const asker = domains.get(domain) ?? {}
    domains.set(domain, asker)
    return asker
  }

  async function lookUp(text: string, whose: object, signal: AbortSignal): Promise<Recipient> {
    const ask = async () => classifyOne(text, await believed(), tools, signal)
    return (await limit(ask, signal, whose)).recipient
  }

  async function answer(text: string, signal: AbortSignal): Promise<Recipient> {
    const address = parseAddress(text)
    if ('code' in address) return lookUp(text, {}, signal)
    const key = address.toString()
    const answered = known.get(key) ?? lookUp(text, domainOf(address), signal)
    known.set(key, answered)
    return answered
  }

  yield* inOrder(addresses, answer, { ahead: AHEAD, signal })
}
