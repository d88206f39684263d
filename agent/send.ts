import type {
  NewBody,
  NewCopy,
  NewMessage,
  NewRecipient,
  NewWait,
  OutboxCopy,
  Store,
  StoredMessage,
} from '../store/index.ts'
import type { Address } from './address.ts'
import type { Classified } from './classify.ts'
import { DirectError, type Reason } from './errors.ts'
import { holdUntil } from './hold.ts'
import { type OutboxTools, tryAll } from './outbox.ts'
import { algorithmsFor } from './seal/agreed.ts'
import { outerMessage, type SignWith } from './seal.ts'
import { endOf, nextQuestion } from './seek/pauses.ts'
import { waitingFor } from './seek/reasons.ts'
import { isAmong, isReachable, newCopies } from './send/copies.ts'
import { deadlineOf } from './send/deadline.ts'
import {
  checkOptions,
  type Outgoing,
  type Prepared,
  prepare,
  type SendTools,
  signatures,
} from './send/prepare.ts'
import { earlierResult, refusal, resultOf } from './send/results.ts'
import type { SendOptions, Sent } from './sending-types.ts'
import { encrypt } from './smime/encrypt.ts'
import { toStore } from './stored-source.ts'

/** Compose, classify, sign, encrypt, into the outbox, and one try at SMTP: one result for each recipient. */
export async function send(
  message: Outgoing,
  options: SendOptions,
  tools: SendTools & { readonly outbox: OutboxTools },
): Promise<Sent> {
  checkOptions(options)
  const { store } = tools.outbox
  const earlier =
    options.idempotencyKey === undefined ? null : await store.outbox.byIdempotencyKey(options.idempotencyKey)
  if (earlier) return earlierResult(earlier, message, options, store)
  await using prepared = await prepare(message, options, tools)
  const at = tools.now()
  const wait = waitOf(prepared, options, at, tools)
  const isCarried = carriedWith(wait)
  requireMeans(prepared, isCarried, tools)
  const { messageId } = prepared.composed.routing
  const stored = prepared.classified.some(isCarried) ? await seal(prepared, tools, store) : NOTHING_TO_CARRY
  const recipients = prepared.classified.filter((one) => !isUndetermined(one) || isCarried(one))
  // A message that went to nobody does not use its key up: the next try may find a certificate.
  const idempotencyKey = stored === NOTHING_TO_CARRY ? null : (options.idempotencyKey ?? null)
  let copies: readonly OutboxCopy[] = []
  if (recipients.length > 0) {
    const added = await addOnce(store, {
      messageId,
      kind: 'message',
      from: prepared.from.key,
      at,
      actor: options.actor ?? null,
      patient: options.patient ?? null,
      documents: options.documents ?? [],
      idempotencyKey,
      recipients: recipients.map((one, index) => recipientRow(one, index, wait, deadlineOf(at, tools))),
      wait,
      finalWanted: options.finalDelivery ?? false,
      // Sealing may have taken its time.
      heldUntil: holdUntil(tools.now()),
      ...stored,
    })
    if ('earlier' in added) return earlierResult(added.earlier, message, options, store)
    copies = added.copies
  }
  if (wait === null) await auditUndetermined(prepared, options, tools.now(), store)
  await tryAll(copies, tools.outbox, options.signal)
  const [after] = await store.tracking.status(messageId)
  return {
    messageId,
    recipients: prepared.classified.map((one) => (isCarried(one) ? resultOf(one, after) : refusal(one))),
    warnings: prepared.warnings,
    planned: false,
  }
}

/** What `send` would do: nothing is signed, stored or sent. */
export async function plan(message: Outgoing, options: SendOptions, tools: SendTools): Promise<Sent> {
  checkOptions(options)
  await using prepared = await prepare(message, options, tools)
  const wait = waitOf(prepared, options, tools.now(), tools)
  const isCarried = carriedWith(wait)
  requireMeans(prepared, isCarried, tools)
  return {
    messageId: prepared.composed.routing.messageId,
    recipients: prepared.classified.map((one) => {
      if (!isCarried(one)) return refusal(one)
      const { address, route } = one.recipient
      return { address, route, result: 'queued', why: whyCarried(one, wait) }
    }),
    warnings: prepared.warnings,
    planned: true,
  }
}

interface Carried {
  readonly recordBody: NewBody | null
  readonly copies: readonly NewCopy[]
}

const NOTHING_TO_CARRY: Carried = { recordBody: null, copies: [] }

/** Until when it is asked how those can be reached whose route is not known (DISC-6). Null: nobody is kept. */
function waitOf(
  { classified }: Prepared,
  { keepTryingHours }: SendOptions,
  at: Date,
  { random }: SendTools,
): NewWait | null {
  if (keepTryingHours === undefined || !classified.some(isUndetermined)) return null
  const until = endOf(at, keepTryingHours)
  return { until, nextAt: nextQuestion(1, at, until, random) }
}

const isUndetermined = ({ recipient }: Classified) => recipient.route === 'undetermined'

/** Whom the message is stored for: who is reached now, and who is asked about again. */
function carriedWith(wait: NewWait | null): (one: Classified) => boolean {
  return (one) => isReachable(one) || (wait !== null && isUndetermined(one))
}

function whyCarried(one: Classified, wait: NewWait | null): readonly Reason[] {
  const { why } = one.recipient
  return wait !== null && isUndetermined(one) ? waitingFor(why, wait) : why
}

/** The record, and everything that SMTP will be given now. */
async function seal(prepared: Prepared, tools: SendTools, store: Store): Promise<Carried> {
  const { from, composed, classified } = prepared
  const signWith = signatures(prepared, tools)
  const recordBody = await sealRecord(signWith, from, tools, store)
  const reached = classified.filter(isReachable)
  const copies = await newCopies(
    { composed, signWith, reached, stays: isAmong(reached), recordBody },
    { settings: tools.settings, store },
  )
  return { recordBody, copies }
}

/** The record of what was sent, sealed to the sender's own certificate. */
async function sealRecord(
  signWith: SignWith,
  from: Address,
  tools: SendTools,
  store: Store,
): Promise<NewBody> {
  const own = tools.identities.recordingFor(from, tools.at())
  const algorithms = algorithmsFor(from.domain, tools.settings.algorithms)
  const sealed = await encrypt(await signWith(algorithms), [own], algorithms)
  return await toStore(outerMessage(sealed, { to: [from], cc: [] }), store)
}

/** What would stop the message at the last moment stops it, and its plan, before anything is done. */
function requireMeans(
  { classified, from }: Prepared,
  isCarried: (one: Classified) => boolean,
  { settings, identities, at }: SendTools,
): void {
  const hasOwnServer = new Set(settings.tlsDomains.map(({ domain }) => domain))
  const mayNeedRelay = (one: Classified) =>
    one.path !== null || (!isReachable(one) && isCarried(one) && !hasOwnServer.has(one.address?.domain ?? ''))
  if (settings.smtp === undefined && classified.some(mayNeedRelay))
    throw new DirectError(
      'CONFIG_INVALID',
      'no SMTP server is configured, and a recipient is to be reached by Direct',
      {
        hint: 'Set smtp.url in the configuration. Nothing was sent.',
      },
    )
  if (classified.some(isCarried)) identities.recordingFor(from, at())
}

/** Adds the message, and claims its copies; or the one that its idempotency key came to stand for meanwhile, and nothing is added. */
async function addOnce(
  { outbox }: Store,
  message: NewMessage,
): Promise<{ readonly copies: readonly OutboxCopy[] } | { readonly earlier: StoredMessage }> {
  try {
    return { copies: await outbox.add(message) }
  } catch (error) {
    if (!(error instanceof DirectError) || error.code !== 'IDEMPOTENCY_CONFLICT') throw error
    const first =
      message.idempotencyKey === null ? null : await outbox.byIdempotencyKey(message.idempotencyKey)
    if (first === null) throw error
    return { earlier: first }
  }
}

function recipientRow(one: Classified, index: number, wait: NewWait | null, deadline: Date): NewRecipient {
  const { recipient, address, path } = one
  const { route } = recipient
  // What is no address may be anything, a patient's name too: the caller hears it, the store does not (MSG-15).
  if (address === null)
    return {
      address: `(invalid address ${index + 1})`,
      route,
      state: 'refused',
      why: [INVALID],
      certificate: null,
    }
  return {
    address: address.key,
    route,
    state: route === 'insecure' ? 'refused' : 'queued',
    why: whyCarried(one, wait),
    certificate: path?.leaf.sha256 ?? null,
    // Who waits for a route has all the time once there is one.
    deadline: isReachable(one) ? deadline : null,
  }
}

const INVALID: Reason = { code: 'ADDRESS_INVALID', text: 'what was given is not a Direct address' }

/** Where nothing is kept for an undetermined recipient, the audit says that it was asked for. */
async function auditUndetermined(
  { classified, composed, from }: Prepared,
  options: SendOptions,
  at: Date,
  store: Store,
) {
  for (const { recipient } of classified.filter(isUndetermined))
    await store.audit.add({
      at,
      event: 'undetermined',
      actor: options.actor ?? null,
      messageId: composed.routing.messageId,
      from: from.key,
      address: recipient.address,
      route: recipient.route,
      certificate: null,
      documents: options.documents ?? [],
      patient: options.patient ?? null,
      outcome: 'undetermined',
      why: recipient.why,
    })
}
