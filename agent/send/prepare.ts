import type { Address } from '../address.ts'
import type { Classified } from '../classify.ts'
import { formatDate } from '../compose/date.ts'
import { newMessageId } from '../compose/fields.ts'
import { composeDraft, composeFile } from '../compose.ts'
import { DirectError } from '../errors.ts'
import { givenAddress } from '../given-address.ts'
import type { Identities } from '../identities.ts'
import type { SignWith } from '../seal.ts'
import { hoursToKeepTrying } from '../seek/pauses.ts'
import type { Draft, MessageFile, SendOptions } from '../sending-types.ts'
import type { Settings } from '../settings.ts'
import type { Identity } from '../smime/identity.ts'
import { type Signed, sign } from '../smime/sign.ts'
import type { Source, Spool } from '../smime/source.ts'
import { type Composed, wrap } from '../smime/wrap.ts'

/** A message to be: as a draft, or as a file that already is RFC 5322. */
export type Outgoing = Draft | MessageFile

/** What sending asks of its neighbours. */
export interface SendTools {
  readonly settings: Settings
  readonly identities: Identities
  readonly classify: (
    addresses: readonly string[],
    from: Address,
    signal?: AbortSignal,
  ) => Promise<readonly Classified[]>
  readonly spool: Spool
  /** The clock for certificates and signatures. */
  readonly at: () => Date
  /** The clock on the wall. */
  readonly now: () => Date
  /** Draws from [0, 1). */
  readonly random: () => number
}

/** A message composed, its signer and its recipients' routes known; nothing has been signed or stored. */
export interface Prepared extends AsyncDisposable {
  readonly from: Address
  readonly signer: Identity
  readonly composed: Composed
  /** Every recipient once. */
  readonly classified: readonly Classified[]
  /** What the sender should know although it does not stop the message. */
  readonly warnings: readonly string[]
}

/** Throws USAGE for what can be meant by no one. */
export function checkOptions({ keepTryingHours, idempotencyKey }: SendOptions): void {
  if (keepTryingHours !== undefined) hoursToKeepTrying(keepTryingHours)
  // A variable that was never set would be one key for all messages, of which the first alone goes.
  if (idempotencyKey === '')
    throw new DirectError('USAGE', 'the idempotency key is empty', {
      hint: 'Give each message a key of its own, or none. Nothing was sent.',
    })
}

/** Classify and compose. Throws before anything is done when the sender cannot sign (MSG-8). */
export async function prepare(message: Outgoing, options: SendOptions, tools: SendTools): Promise<Prepared> {
  const from = givenAddress(message.from)
  const signer = tools.identities.signingFor(from, tools.at())
  const classified = await classifyRecipients(message, from, tools, options.signal)
  const composed = await compose(message, from, classified, options, tools)
  return {
    from,
    signer,
    composed,
    classified,
    warnings: bccWarnings(composed, classified, options),
    [Symbol.asyncDispose]: () => composed[Symbol.asyncDispose](),
  }
}

/** Signs at one time, and once for each digest: what was sealed and what is recorded are the same. */
export function signatures(
  { composed, signer }: Pick<Prepared, 'composed' | 'signer'>,
  tools: Pick<SendTools, 'at'>,
): SignWith {
  const at = tools.at()
  const made = new Map<string, Promise<Signed>>()
  return ({ digest, signature }) => {
    const which = `${digest} ${signature}`
    const signed = made.get(which) ?? sign(composed, signer, { digest, signature, at })
    made.set(which, signed)
    return signed
  }
}

/** Every recipient once, however often and wherever it was named. */
async function classifyRecipients(message: Outgoing, from: Address, tools: SendTools, signal?: AbortSignal) {
  const named = [...(message.to ?? []), ...(message.cc ?? []), ...(message.bcc ?? [])]
  if (named.length === 0)
    throw new DirectError('USAGE', 'the message has no recipient', {
      hint: 'Name at least one with to, cc or bcc.',
    })
  const classified = await tools.classify(named, from, signal)
  const seen = new Set<string>()
  return classified.filter(({ address, recipient }) => {
    const key = address?.key ?? recipient.address
    return !seen.has(key) && seen.add(key)
  })
}

function compose(
  message: Outgoing,
  from: Address,
  classified: readonly Classified[],
  options: SendOptions,
  tools: SendTools,
): Promise<Composed> {
  const shared = {
    spool: tools.spool,
    now: tools.now,
    messageIdHost: from.domain,
    finalDelivery: options.finalDelivery ?? false,
  }
  if (classified.every(({ address }) => address === null))
    return Promise.resolve(nothingFor(from, tools.now()))
  if (!('message' in message)) return composeDraft(withValidAddresses(message, classified), shared)
  const to = classified.flatMap(({ address }) => (address ? [address] : []))
  return composeFile(message.message.path, { ...shared, from, to })
}

/** Where no recipient is an address there is nothing to compose; the refusals want a Message-ID all the same. */
function nothingFor(from: Address, now: Date): Composed {
  const inner: Source = { bytes: 0, async *read() {} }
  return wrap(inner, {
    messageId: newMessageId(from.domain),
    date: formatDate(now),
    from,
    to: [],
    cc: [],
    bcc: [],
    inReplyTo: null,
    references: null,
  })
}

/** An address that is none was refused with its reason; it cannot stand in a header either (MSG-13). */
function withValidAddresses(draft: Draft, classified: readonly Classified[]): Draft {
  const invalid = new Set(
    classified.filter(({ address }) => address === null).map(({ recipient }) => recipient.address),
  )
  const valid = (list: readonly string[] = []) => list.filter((text) => !invalid.has(text))
  return { ...draft, to: valid(draft.to), cc: valid(draft.cc), bcc: valid(draft.bcc) }
}

function bccWarnings(
  { routing }: Composed,
  classified: readonly Classified[],
  { keepTryingHours }: SendOptions,
): string[] {
  const mayBeDirect = ({ path, recipient }: Classified) =>
    path !== null || (keepTryingHours !== undefined && recipient.route === 'undetermined')
  const direct = new Set(classified.filter(mayBeDirect).map(({ address }) => address?.key))
  return routing.bcc
    .filter(({ key }) => direct.has(key))
    .map(
      (address) =>
        `${address} is a Bcc recipient: a peer that takes AS 1.3 to the letter may refuse a message that names it in neither To nor Cc`,
    )
}
