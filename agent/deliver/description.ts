import { describeReceived } from '../open/report.ts'
import type { OpenedPart } from '../receiving-types.ts'
import { describeRevocation } from '../trust/believe.ts'
import type { Deliverable } from './types.ts'

/**
 * What was found out about a message, as the EHR reads it beside the message (IN-8): what the command line says of it, and
 * what only the EHR may see.
 */
export function describeDelivery<Part extends OpenedPart>(
  { judged, message }: Deliverable,
  { deliveredTo, parts }: { readonly deliveredTo: string | null; readonly parts: readonly Part[] },
) {
  const { cc, subject, date, inReplyTo, references } = describeFacts(message)
  return {
    ...describeReceived(judged, { deliveredTo }),
    cc,
    subject,
    date,
    inReplyTo,
    references,
    warnings: judged.warnings,
    wrapped: message.wrapped,
    algorithms: judged.algorithms,
    unchecked: message.path.unchecked,
    revocation: describeRevocation(message.path.revocation),
    parts,
  }
}

/** The header of a trusted message. */
export function describeFacts({ facts }: Deliverable['message']) {
  return {
    to: facts.to.mailboxes.map(({ address }) => address.toString()),
    cc: facts.cc.mailboxes.map(({ address }) => address.toString()),
    subject: facts.subject,
    date: facts.date,
    inReplyTo: facts.inReplyTo,
    references: facts.references,
  }
}
