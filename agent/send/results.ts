import type { Store, StoredMessage } from '../../store/index.ts'
import { type Address, parseAddress } from '../address.ts'
import type { Classified } from '../classify.ts'
import { DirectError } from '../errors.ts'
import { givenAddress } from '../given-address.ts'
import type { SendOptions, SendResult, Sent, SentRecipient } from '../sending-types.ts'
import type { Outgoing } from './prepare.ts'

/** Of a message that is kept, and of which no attempt has ended yet. */
const UNDER_WAY = [{ code: 'SMTP_UNDER_WAY', text: 'no try has ended yet: another process may be at it' }]

/** What became of one recipient whom the message was stored for. */
export function resultOf(one: Classified, after: StoredMessage | undefined): SentRecipient {
  const status = after?.recipients.find(({ address }) => address === one.address?.key)
  if (!status) return refusal(one)
  const result = resultOfState(status.state)
  const { address, route, why } = one.recipient
  return { address, route, result, why: result === 'accepted' ? why : whyOf(status) }
}

/** For whom nothing was stored. */
export function refusal({ recipient: { address, route, why } }: Classified): SentRecipient {
  return { address, route, result: route === 'undetermined' ? 'undetermined' : 'refused', why }
}

function whyOf({
  state,
  why,
}: Pick<StoredMessage['recipients'][number], 'state' | 'why'>): SentRecipient['why'] {
  return state === 'queued' && why.length === 0 ? UNDER_WAY : why
}

function resultOfState(state: StoredMessage['recipients'][number]['state']): SendResult {
  if (state === 'queued') return 'queued'
  return state === 'refused' || state === 'failed' || state === 'expired' ? 'refused' : 'accepted'
}

/**
 * What the first call with this key answered; for whom it was undetermined, the audit alone knows. Throws IDEMPOTENCY_CONFLICT where
 * the key stands for another message, by its sender or as somebody was not among its recipients: nothing would go to them.
 */
export async function earlierResult(
  earlier: StoredMessage,
  message: Outgoing,
  { idempotencyKey }: SendOptions,
  { audit }: Store,
): Promise<Sent> {
  const conflict = (what: string) =>
    new DirectError(
      'IDEMPOTENCY_CONFLICT',
      `the idempotency key ${idempotencyKey} stands for a message ${what}`,
      {
        hint: 'Use a new key for a new message. Nothing was sent now.',
      },
    )
  if (earlier.from !== givenAddress(message.from).key) throw conflict(`from ${earlier.from}`)
  const { messageId } = earlier
  const recipients = new Map<string, SentRecipient>()
  for await (const { event, address, why } of audit.list({ messageId }))
    if (event === 'undetermined' && address !== null)
      recipients.set(address.toLowerCase(), { address, route: 'undetermined', result: 'undetermined', why })
  const known = new Set([...recipients.keys(), ...earlier.recipients.map(({ address }) => address)])
  const other = addressesOf(message).find(({ key }) => !known.has(key))
  if (other !== undefined) throw conflict(`that ${other} is no recipient of`)
  const carried = earlier.recipients.map(({ address, route, state, why }): SentRecipient => {
    recipients.delete(address)
    return { address, route, result: resultOfState(state), why: whyOf({ state, why }) }
  })
  return { messageId, recipients: [...carried, ...recipients.values()], warnings: [], planned: true }
}

/** Whom a message names; what is no address is stored under none (MSG-15). */
function addressesOf({ to = [], cc = [], bcc = [] }: Outgoing): readonly Address[] {
  return [...to, ...cc, ...bcc].flatMap((text) => {
    const address = parseAddress(text)
    return 'code' in address ? [] : [address]
  })
}
