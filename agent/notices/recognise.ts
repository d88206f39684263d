import type { Store } from '../../store/index.ts'
import type { Identities } from '../identities.ts'
import { readNotification } from '../mdn.ts'
import { messageIdOf } from '../open/report.ts'
import type { Judged } from '../open/verdict.ts'
import type { ReceiveReport } from '../receiving-types.ts'

/**
 * A failure notice that we wrote ourselves, in the mailbox of the sender whom it tells: by its Message-ID, and by a
 * certificate of the sender's own that signed it, whoever is believed here. Null: it is none, or not ours.
 */
export async function ownFailureNotice(
  judged: Judged,
  {
    store,
    open,
  }: { readonly store: Store; readonly open: { readonly identities: Pick<Identities, 'readingFor'> } },
): Promise<ReceiveReport | null> {
  const { facts, signer, inner } = judged
  const author = facts?.from.mailboxes[0]?.address
  const messageId = messageIdOf(judged)
  if (!author || !signer || !inner || messageId === null) return null
  const isOurs = open.identities
    .readingFor(author)
    .some(({ certificate }) => certificate.sha256 === signer.certificate.sha256)
  if (!isOurs || !(await store.inbox.isFailureNotice(messageId))) return null
  const notice = await readNotification(inner)
  if (notice === null) return null
  return {
    messageId,
    notification: 'failed',
    about: notice.originalMessageId,
    recipients: notice.recipients.map(({ address, detail }) => ({
      address: address ?? '',
      state: 'failed',
      why: [{ code: 'FAILURE_NOTICE', text: detail ?? 'a failure notice of ours' }],
    })),
  }
}
