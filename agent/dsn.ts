import type { Header } from './mime/header.ts'
import {
  type NotifiedRecipient,
  quote,
  readMessageId,
  readRecipient,
  withoutComments,
} from './read/report-fields.ts'

/** What a message/delivery-status says (RFC 3464 2; protocol.md N-8): a group for the message, one for each recipient. */
export function readDeliveryStatus(groups: readonly Header[]): {
  readonly originalMessageId: string | null
  readonly recipients: readonly NotifiedRecipient[]
} {
  const named = ['X-Original-Message-ID', 'Original-Message-ID']
    .flatMap((name) => groups.map((group) => readMessageId(group.first(name))))
    .find((id) => id !== null)
  const recipients = groups
    .filter((group) => ['Final-Recipient', 'Action', 'Status'].some((name) => group.first(name) !== null))
    .map(readGroup)
  return { originalMessageId: named ?? null, recipients }
}

/** Only a failure counts: that some server took the message over is no word of the recipient's agent. */
function readGroup(group: Header): NotifiedRecipient {
  const action = withoutComments(group.first('Action') ?? '')
    .trim()
    .toLowerCase()
  const status = group.first('Status') ?? ''
  const failed = action === 'failed' || (action === '' && /^\s*5\./.test(status))
  const detail = quote([status, group.first('Diagnostic-Code') ?? ''].join(' ').trim())
  return {
    address: readRecipient(group.first('Final-Recipient') ?? group.first('Original-Recipient')),
    disposition: failed ? 'failed' : 'unknown',
    detail: detail === '' ? null : detail,
  }
}
