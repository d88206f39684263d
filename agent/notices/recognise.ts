import type { Identities } from '../identities.ts'
import { type Notification, readNotification } from '../mdn.ts'
import { MimeError } from '../mime/error.ts'
import { messageIdOf } from '../open/report.ts'
import type { Judged } from '../open/verdict.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import type { Source } from '../smime/source.ts'

/**
 * A failure notice that we wrote ourselves, in the mailbox of the sender whom it tells: a delivery status that a certificate
 * of its author's own signed, which is ours, whoever is believed here and whatever this store knows. Null: it is none.
 */
export async function ownFailureNotice(
  judged: Judged,
  { open }: { readonly open: { readonly identities: Pick<Identities, 'readingFor'> } },
): Promise<ReceiveReport | null> {
  const { facts, signer, inner } = judged
  const author = facts?.from.mailboxes[0]?.address
  if (!author || !signer || !inner) return null
  const isOurs = open.identities
    .readingFor(author)
    .some(({ certificate }) => certificate.sha256 === signer.certificate.sha256)
  if (!isOurs || !isDeliveryStatus(facts.mediaType)) return null
  const notice = await readBounded(inner)
  if (notice === null) return null
  return {
    messageId: messageIdOf(judged),
    notification: 'failed',
    own: true,
    about: notice.originalMessageId,
    recipients: notice.recipients.map(({ address, detail }) => ({
      address: address ?? '',
      state: 'failed',
      why: [{ code: 'FAILURE_NOTICE', text: detail ?? 'a failure notice of ours' }],
    })),
  }
}

/** Beyond IN-11's limits it is nothing that we wrote. */
async function readBounded(inner: Source): Promise<Notification | null> {
  try {
    return await readNotification(inner)
  } catch (error) {
    if (error instanceof MimeError) return null
    throw error
  }
}

function isDeliveryStatus({ type, parameters }: NonNullable<Judged['facts']>['mediaType']): boolean {
  return type === 'multipart/report' && parameters.get('report-type')?.toLowerCase() === 'delivery-status'
}
