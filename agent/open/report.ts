import type { Judgement, NewJudgement, Undecided } from '../../store/index.ts'
import { readThreadIds } from '../read/report-fields.ts'
import type { Opened, OpenedPart, ReceiveReport } from '../receiving-types.ts'
import { describeRevocation } from '../trust/believe.ts'
import type { Judged } from './verdict.ts'

/**
 * What `message open` answers: everything, for the owner alone; `parts` are those of a trusted message. A refused message
 * shows ids and codes, no content.
 */
export function describeOpened(judged: Judged, parts: readonly OpenedPart[] = []): Opened {
  const { verdict, trusted, facts, wrapped, algorithms, warnings, code, why } = judged
  return {
    messageId: messageIdOf(judged),
    verdict,
    code,
    why,
    signer: judged.signer && describeSigner(judged.signer),
    from: fromOf(judged),
    to: facts ? [...facts.to.mailboxes, ...facts.cc.mailboxes].map(({ address }) => address.toString()) : [],
    recipients: judged.recipients.map(({ address, verdict, code }) => ({
      address: address.toString(),
      verdict,
      code,
    })),
    wrapped,
    algorithms,
    mdn: trusted?.answerable ? 'processed' : 'none',
    innerSha256: judged.innerSha256,
    parts,
    warnings,
    unchecked: trusted?.path.unchecked ?? [],
    revocation: trusted ? describeRevocation(trusted.path.revocation) : [],
  }
}

/** What `receive --once` says of one message. */
export function describeReceived(
  judged: Judged,
  override: { readonly code?: ReceivedCode; readonly deliveredTo?: string | null } = {},
): Extract<ReceiveReport, { verdict: unknown }> {
  const { messageId, verdict, code, why, from, to, signer, recipients, innerSha256 } = describeOpened(judged)
  const received = { messageId, from, to, signer, innerSha256, deliveredTo: override.deliveredTo ?? null }
  if (!override.code) return { ...received, verdict, code, why, recipients }
  const refused = recipients.map(({ address }) => ({
    address,
    verdict: 'reject' as const,
    code: override.code ?? null,
  }))
  return { ...received, verdict: 'reject', code: override.code, why, recipients: refused }
}

type ReceivedCode = NonNullable<Opened['code']>

/** The verdict as the store keeps it: one that is final. */
export function judgementOf(judged: Judged, verdict: Judgement['verdict']): NewJudgement {
  return {
    verdict,
    code: judged.code,
    messageId: messageIdOf(judged),
    from: judged.trusted?.author.key ?? fromOf(judged)?.toLowerCase() ?? null,
    signer: judged.trusted?.path.leaf.sha256 ?? judged.signer?.certificate.sha256 ?? null,
    innerSha256: judged.innerSha256,
    algorithms: judged.algorithms,
    why: judged.why,
    recipients: judged.recipients.map(({ address, verdict, code }) => ({
      address: address.key,
      verdict: verdict === 'accept' ? 'accept' : 'reject',
      code,
    })),
    answers: readThreadIds(judged.facts?.inReplyTo ?? null, judged.facts?.references ?? null),
  }
}

/** A message as the store keeps it while its verdict is not known. */
export function undecidedOf(judged: Judged): Undecided {
  const { messageId, from, signer, why } = judgementOf(judged, 'reject')
  const { algorithms } = judged
  return {
    messageId,
    from,
    signer,
    algorithms,
    why,
    recipients: judged.recipients.map(({ address }) => address.key),
  }
}

/** The inner Message-ID, the outer one where the inner message has none (N-1). */
export function messageIdOf({ facts, outerMessageId }: Judged): string | null {
  return facts?.messageId ?? outerMessageId
}

function fromOf({ facts }: Judged): string | null {
  const [from] = facts?.from.mailboxes ?? []
  return from?.address.toString() ?? null
}

/** A signer as answers name it: the certificate, and the name in it that binds it to the author. */
export function describeSigner({
  certificate,
  boundTo,
  name,
}: NonNullable<Judged['signer']>): NonNullable<Opened['signer']> {
  return boundTo === 'address'
    ? { sha256: certificate.sha256, boundTo, address: name }
    : { sha256: certificate.sha256, boundTo, domain: name }
}
