import { randomUUID } from 'node:crypto'
import type { Notice, Store } from '../store/index.ts'
import type { Address } from './address.ts'
import { DirectError, type Reason } from './errors.ts'
import { givenAddress } from './given-address.ts'
import { composeMdn } from './mdn.ts'
import type { SendTools } from './prepare.ts'
import { sealCopies } from './seal.ts'
import { sign } from './smime/sign.ts'

/** What answering asks of its neighbours. */
export interface NotifyTools extends Omit<SendTools, 'spool'> {
  readonly store: Store
}

const MINUTE_MS = 60_000
/** An MDN that cannot be sealed within this many tries would come too late for any sender's time limit. */
const MOST_ATTEMPTS = 20

/** The Message-ID of an MDN, chosen once and kept however often it is sent (N-1). */
export function newNoticeId(recipient: Address): string {
  return `<${randomUUID()}@${recipient.domain}>`
}

/** Seals every MDN that is owed and puts it into the outbox. One that cannot be sealed yet is tried again later. */
export async function sealNotices(tools: NotifyTools, signal?: AbortSignal): Promise<void> {
  for (const notice of await tools.store.inbox.noticesDue(tools.now())) {
    if (signal?.aborted) return
    const problem = await sealNotice(notice, tools, signal)
    if (!problem) continue
    const again =
      problem.final || notice.attempts + 1 >= MOST_ATTEMPTS
        ? null
        : new Date(tools.now().getTime() + MINUTE_MS * (notice.attempts + 1))
    await tools.store.inbox.noticeTried(notice.id, tools.now(), again, problem.why)
  }
}

interface Problem {
  readonly final: boolean
  readonly why: readonly Reason[]
}

/** An MDN goes the way of any message: to a certificate that was discovered and believed, or not at all (N-2). */
async function sealNotice(notice: Notice, tools: NotifyTools, signal?: AbortSignal): Promise<Problem | null> {
  const from = givenAddress(notice.from)
  try {
    const signer = tools.identities.signingFor(from, tools.at())
    const [to] = await tools.classify([notice.to], from, signal)
    if (!to?.address || !to.path)
      return { final: to?.recipient.route !== 'undetermined', why: to?.recipient.why ?? [] }
    const composed = composeMdn({
      from,
      to: to.address,
      originalMessageId: notice.originalMessageId,
      messageId: notice.messageId,
      date: tools.now(),
      reportingUa: `${from.domain}; direct-agent`,
      kind: notice.kind,
    })
    const visible = { to: [to.address], cc: [] }
    const [copy] = await sealCopies(
      ({ digest, signature }) => sign(composed, signer, { digest, signature, at: tools.at() }),
      [to.path],
      visible,
      tools.settings.algorithms,
    )
    if (!copy) throw new Error('sealing for one recipient made no copy')
    const body = await tools.store.bodies.write(copy.message.read())
    await tools.store.outbox.add(
      {
        messageId: notice.messageId,
        kind: 'notification',
        from: from.key,
        at: tools.now(),
        actor: null,
        patient: null,
        documents: [],
        idempotencyKey: null,
        recordBody: null,
        recipients: [
          {
            address: to.address.key,
            route: 'direct',
            state: 'queued',
            why: [],
            certificate: to.path.leaf.sha256,
          },
        ],
        copies: [
          {
            route: 'direct',
            domain: to.address.domain,
            mailFrom: from.toString(),
            recipients: [to.address.toString()],
            body,
          },
        ],
      },
      notice.id,
    )
    return null
  } catch (error) {
    // A broken configuration must not lose an MDN: it stays owed, and the reason is kept. A Message-ID that cannot
    // stand in a header will never be answered.
    if (error instanceof DirectError)
      return { final: error.code === 'MESSAGE_INVALID', why: [{ code: error.code, text: error.message }] }
    throw error
  }
}
