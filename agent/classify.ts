import type { MailServer, TlsProof } from '../mailbox/index.ts'
import type { VerifiedPath } from '../trust-anchors/index.ts'
import { type Address, parseAddress } from './address.ts'
import { describe, describeSearch, invalidDiscovery, invalidRecipient } from './describe.ts'
import { DirectError } from './errors.ts'
import type { Discovery, Recipient, Route, RouteReason } from './recipient-types.ts'
import { type Believed, type SearchTools, searchFor } from './search.ts'
import type { Trust } from './trust/current.ts'

/** What classification asks of its neighbours. */
export interface ClassifyTools extends SearchTools {
  /** The only identity's `for`, for DISC-10. */
  readonly onlyIdentity: string | null
  readonly tlsDomains: ReadonlyMap<string, MailServer>
  /** Null: no network is allowed. */
  readonly proveTls: ((server: MailServer, signal?: AbortSignal) => Promise<TlsProof>) | null
}

/** A recipient with the proof that later steps demand: the path to encrypt to, or the server to hand over to. */
export interface Classified {
  readonly recipient: Recipient
  readonly address: Address | null
  readonly path: VerifiedPath<'encrypt'> | null
  readonly tls: MailServer | null
}

const IN_PARALLEL = 8

/**
 * Address -> route and why, for each of `addresses`, in their order. Throws NO_ANCHORS when `from` has none and none of
 * them has a pin, which is an anchor for that one (TR-5).
 */
export async function classify(
  addresses: readonly string[],
  from: Address | null,
  tools: ClassifyTools,
  signal?: AbortSignal,
): Promise<readonly Classified[]> {
  const isAnyPinned = (trust: Trust) => addresses.some((one) => isPinned(one, trust))
  const believed = await believedBy(from, tools, isAnyPinned, signal)
  const answers: Classified[] = []
  const waiting = addresses.entries()
  const work = async () => {
    for (const [index, text] of waiting) answers[index] = await classifyOne(text, believed, tools, signal)
  }
  await Promise.all(Array.from({ length: Math.min(IN_PARALLEL, addresses.length) }, work))
  return answers
}

/** Every certificate found for one address and the verdict on it. What is no address is its own answer. Throws NO_ANCHORS. */
export async function discover(
  text: string,
  from: Address | null,
  tools: ClassifyTools,
  signal?: AbortSignal,
): Promise<Discovery> {
  const address = parseAddress(text)
  if ('code' in address) return invalidDiscovery(text, address, tools.now())
  const believed = await believedBy(from, tools, (trust) => isPinned(text, trust), signal)
  return describeSearch(address, await searchFor(address, believed, tools, signal), tools.now())
}

/**
 * The sender's outgoing anchors as they are now (DISC-10). Throws NO_ANCHORS when there are none, unless the pins are
 * `enough`.
 */
export async function believedBy(
  from: Address | null,
  tools: ClassifyTools,
  enough: (trust: Trust) => boolean,
  signal?: AbortSignal,
): Promise<Believed> {
  const trust = await tools.trust(signal)
  const anchors = trust.anchors.outgoingFor(from, tools.onlyIdentity)
  const missing = trust.anchors.missingFor(from, tools.onlyIdentity)
  if (anchors.length + missing.length > 0 || enough(trust)) return { trust, anchors, missing }
  const sender = from ?? tools.onlyIdentity
  throw new DirectError(
    'NO_ANCHORS',
    `no outgoing trust anchors are configured${sender ? ` for ${sender}` : ''}`,
    {
      hint: 'Add one: "direct trust add", or an entry of trust with direction outgoing or both; "direct trust list" shows what was removed.',
    },
  )
}

function isPinned(text: string, trust: Trust): boolean {
  const address = parseAddress(text)
  return !('code' in address) && trust.pinned(address).length > 0
}

/** Address -> route and why. What is no address is its own answer. */
export async function classifyOne(
  text: string,
  believed: Believed,
  tools: ClassifyTools,
  signal?: AbortSignal,
): Promise<Classified> {
  const address = parseAddress(text)
  if ('code' in address)
    return { recipient: invalidRecipient(text, address, tools.now()), address: null, path: null, tls: null }
  const search = await searchFor(address, believed, tools, signal)
  const answer = (route: Route, why: readonly RouteReason[], rest: Partial<Classified> = {}): Classified => ({
    recipient: describe(address, route, why, search, tools.now()),
    address,
    path: null,
    tls: null,
    ...rest,
  })
  if (search.outcome === 'undetermined') return answer('undetermined', search.why)
  if (search.chosen) return answer('direct', search.why, { path: search.chosen })
  // Nobody looked, as NET forbids it: no other route stands in for what is not known.
  if (search.outcome === 'refused') return answer('insecure', search.why)
  const tls = tools.tlsDomains.get(address.domain)
  if (!tls) return answer('insecure', search.why)
  const proof = tools.proveTls === null ? FORBIDDEN : await tools.proveTls(tls, signal)
  if (proof.proved) return answer('tls', search.why, { tls })
  const notProved: RouteReason = {
    code: 'TLS_NOT_PROVED',
    text: `${tls.host}:${tls.port} did not prove TLS: ${proof.text}`,
    ...(proof.temporary && { temporary: true as const }),
  }
  return answer(proof.temporary ? 'undetermined' : 'insecure', [notProved, ...search.why])
}

const FORBIDDEN: TlsProof = {
  proved: false,
  temporary: true,
  text: 'the network is forbidden (--no-network)',
}
