import type { Store } from '../../store/index.ts'
import { bindingOf } from '../../trust-anchors/index.ts'
import { parseAddress } from '../address.ts'
import type { Reason } from '../errors.ts'
import type { Notification } from '../mdn.ts'
import type { TrustedMessage } from '../open/trusted-message.ts'

/** What a believed notification did to one recipient of ours. */
export interface Tracked {
  readonly address: string
  /** The recipient's state now; null when the notification does not count, and `why` says why. */
  readonly state: string | null
  readonly why: readonly Reason[]
}

/**
 * Brings the tracking up to date by a trusted notification. It counts for a recipient only if its signer is bound
 * to that Final-Recipient (N-6), and only if we sent it that message.
 */
export async function track(
  notification: Notification,
  message: TrustedMessage,
  store: Store,
  options: { readonly at: Date; readonly subjectEmail: boolean },
): Promise<readonly Tracked[]> {
  const tracked: Tracked[] = []
  for (const { address: text, disposition, detail } of notification.recipients) {
    const ignored = (address: string, why: string) =>
      tracked.push({ address, state: null, why: [{ code: 'NOTIFICATION_IGNORED', text: why }] })
    const address = text === null ? null : parseAddress(text)
    if (address === null || 'code' in address) {
      ignored(text ?? '', 'it names no Final-Recipient that is an address')
    } else if (bindingOf(message.path.leaf, address, { subjectEmail: options.subjectEmail }) === null) {
      ignored(address.key, `its signer is not bound to the Final-Recipient ${address}`)
    } else if (disposition === 'unknown') {
      ignored(address.key, 'it states no disposition that counts')
    } else if (notification.originalMessageId === null) {
      ignored(address.key, 'it does not say which message it is about')
    } else {
      const why =
        disposition === 'failed'
          ? [{ code: 'NOTIFIED_FAILED', text: detail ?? 'the recipient reported a failure' }]
          : []
      const known = await store.tracking.notified(
        { originalMessageId: notification.originalMessageId, recipient: address.key, disposition },
        options.at,
        why,
      )
      if (known) tracked.push({ address: address.key, state: known.state, why })
      else ignored(address.key, `no message ${notification.originalMessageId} of ours went to ${address}`)
    }
  }
  return tracked
}
