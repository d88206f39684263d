import { randomUUID } from 'node:crypto'
import type { Notice, Receipt } from '../store/index.ts'
import type { Address } from './address.ts'
import { inOrder } from './book/in-order.ts'
import { rememberedCapabilities } from './capabilities.ts'
import { DirectError, type Reason } from './errors.ts'
import { givenAddress } from './given-address.ts'
import type { Log } from './log.ts'
import { composeMdn } from './mdn.ts'
import { queueNotice } from './notices/queue.ts'
import { sealFailure } from './notices/seal-failure.ts'
import type { NotifyTools, Problem } from './notices/tools.ts'
import type { LostReceipt } from './receiving-types.ts'
import type { Recipient } from './recipient-types.ts'
import { sealCopies } from './seal.ts'
import { sign } from './smime/sign.ts'

export type { NotifyTools } from './notices/tools.ts'

/** Hears of an MDN that is given up for good. */
export type OnLostReceipt = (receipt: LostReceipt) => void

const MINUTE_MS = 60_000
/** An MDN that cannot be sealed within this many tries would come too late for any sender's time limit. */
const MOST_ATTEMPTS = 20
/** Notices taken from the store together. */
const AT_ONCE = 100
/** Notices that are sealed side by side: nearly all of the time is spent on waiting. */
const ABREAST = 8

/** The Message-ID of an MDN, chosen once and kept however often it is sent (N-1). */
export function newNoticeId({ domain }: Pick<Address, 'domain'>): string {
  return `<${randomUUID()}@${domain}>`
}

/** Whose recipients failed or expired is owed a notice from now on (N-8), unless none are wanted. Returns how many. */
export async function oweFailures({
  store,
  settings,
  now,
}: Pick<NotifyTools, 'store' | 'settings' | 'now'>): Promise<number> {
  const newId = (sender: string) => newNoticeId(givenAddress(sender))
  let owed = 0
  for (let some = AT_ONCE; some === AT_ONCE; owed += some)
    some = await store.inbox.oweFailures(now(), settings.notifications.failureNotice ? newId : null, AT_ONCE)
  return owed
}

/**
 * Seals every MDN and failure notice that is owed and puts it into the outbox. One that cannot be sealed yet is tried
 * again later; one that never can is given up, which is logged, and `onLost` hears of an MDN.
 */
export async function sealNotices(
  tools: NotifyTools,
  {
    signal,
    onLost,
  }: { readonly signal?: AbortSignal | undefined; readonly onLost?: OnLostReceipt | undefined } = {},
): Promise<void> {
  // What was tried is not due any more.
  for (let due = AT_ONCE; due === AT_ONCE; ) {
    const notices = await tools.store.inbox.noticesDue(tools.now(), AT_ONCE)
    due = notices.length
    const work = async (notice: Notice) => {
      if (signal?.aborted) return
      const problem = await sealNotice(notice, tools, signal)
      if (problem) await putOff(notice, problem, tools, onLost)
    }
    for await (const _ of inOrder(notices, work, { ahead: ABREAST }));
    if (signal?.aborted) return
  }
}

async function putOff(
  notice: Notice,
  { final, why, advice }: Problem,
  { store, now, log }: NotifyTools,
  onLost?: OnLostReceipt,
): Promise<void> {
  const { attempts, originalMessageId: about, from, to } = notice
  const isLast = final || attempts + 1 >= MOST_ATTEMPTS
  const again = isLast ? null : new Date(now().getTime() + MINUTE_MS * (attempts + 1))
  await store.inbox.noticeTried(notice.id, now(), again, why)
  if (!isLast) return
  logGivenUp(notice, why, log)
  if (notice.kind !== 'failure') onLost?.({ about, from, to, why, advice })
}

/** Why may name people; it is in the store, for `audit`. */
function logGivenUp(
  { kind, messageId, originalMessageId: about }: Notice,
  [first]: readonly Reason[],
  log: Log,
): void {
  const code = first?.code
  const what = kind === 'failure' ? 'failure notice about' : 'receipt for'
  log.warn({ messageId, about, code }, `no ${what} ${about} goes out: ${code}; direct audit tells why`)
}

/** A receipt cannot go to whom Direct does not reach (N-2): until that is known it stays owed, then never goes. */
function unreachable({ address, route, why, advice }: Recipient): Problem {
  if (route === 'undetermined') return { final: false, why, advice }
  const needed = `A receipt needs a certificate that ${address} publishes and that is believed here; "direct classify" tells what is found.`
  return { final: true, why, advice: [needed, ...advice] }
}

async function sealNotice(notice: Notice, tools: NotifyTools, signal?: AbortSignal): Promise<Problem | null> {
  try {
    return await (notice.kind === 'failure' ? sealFailure(notice, tools) : sealReceipt(notice, tools, signal))
  } catch (error) {
    // A broken configuration must not lose a notice: it stays owed, and the reason is kept. A Message-ID that cannot
    // stand in a header will never be answered.
    if (!(error instanceof DirectError)) throw error
    return {
      final: error.code === 'MESSAGE_INVALID',
      why: [{ code: error.code, text: error.message }],
      advice: error.hint === undefined ? [] : [error.hint],
    }
  }
}

/** An MDN goes the way of any message: to a certificate that was discovered and believed, or not at all (N-2). */
async function sealReceipt(
  notice: Receipt,
  tools: NotifyTools,
  signal?: AbortSignal,
): Promise<Problem | null> {
  const from = givenAddress(notice.from)
  const signer = tools.identities.signingFor(from, tools.at())
  const [to] = await tools.classify([notice.to], from, signal)
  if (!to) throw new Error('classifying one address gave no answer')
  if (!to.address || !to.path) return unreachable(to.recipient)
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
    rememberedCapabilities(tools.store.capabilities),
  )
  if (!copy) throw new Error('sealing for one recipient made no copy')
  await queueNotice(
    notice,
    {
      from,
      to: to.address,
      message: copy.message,
      certificate: to.path.leaf.sha256,
      sealedBy: copy.sealedBy,
      why: [{ code: 'MDN', text: `${notice.kind}, about ${notice.originalMessageId}` }],
    },
    tools,
  )
  return null
}
