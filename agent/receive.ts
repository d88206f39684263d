import { deliverToFolder, type FiledPart } from './deliver.ts'
import { DirectError } from './errors.ts'
import { type InboxTools, listMailbox, type Mailbox, type Offer } from './inbox.ts'
import { owned } from './mime/bytes.ts'
import { describeReceived, describeSigner, messageIdOf } from './open/report.ts'
import { passOver } from './pass.ts'
import { readParts } from './read.ts'
import type { DeliveredMessage, Delivery, ReceiveReport } from './receiving-types.ts'
import { lent } from './smime/source.ts'
import { describeRevocation } from './trust/believe.ts'

/**
 * One pass over the mailboxes, every trusted message into a folder of its own under `deliverTo`. One that cannot be
 * filed stops no other: its failure is thrown at the end.
 */
export async function* receiveIntoFolder(
  mailboxes: readonly Mailbox[],
  deliverTo: string,
  tools: InboxTools,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  const failures: DirectError[] = []
  for (const mailbox of mailboxes)
    for await (const handled of passOver(mailbox, tools, signal)) {
      const report = handled.kind === 'report' ? handled.report : await tryToFile(handled.offer, deliverTo)
      if (report instanceof DirectError) failures.push(report)
      else yield report
    }
  const [failure] = failures
  if (failure) throw failure
}

async function tryToFile(offer: Offer, deliverTo: string): Promise<ReceiveReport | DirectError> {
  try {
    return await file(offer, deliverTo)
  } catch (error) {
    if (error instanceof DirectError && error.code === 'FILE_UNWRITABLE') return error
    throw error
  }
}

/** What is new and not in `listed` yet, opened and judged; nothing is delivered, flagged or answered. */
export async function* listNew(
  mailboxes: readonly Mailbox[],
  tools: InboxTools,
  listed: Set<string>,
  signal?: AbortSignal,
): AsyncGenerator<ReceiveReport> {
  for (const mailbox of mailboxes) yield* listMailbox(mailbox, tools, listed, signal)
}

/** Trusted messages of one pass, for an EHR that takes them itself; `onReport` hears of everything else. */
export async function* offerNew(
  mailboxes: readonly Mailbox[],
  tools: InboxTools,
  onReport: (report: ReceiveReport) => void,
  signal?: AbortSignal,
): AsyncGenerator<Delivery> {
  for (const mailbox of mailboxes)
    for await (const handled of passOver(mailbox, tools, signal)) {
      if (handled.kind === 'report') onReport(handled.report)
      else yield deliveryOf(handled.offer)
    }
}

async function file({ judged, message, settle }: Offer, deliverTo: string): Promise<ReceiveReport> {
  // What the command line says of it, and then what only the EHR may see.
  const { cc, subject, date, inReplyTo, references } = facts(message)
  const describe = (folder: string, parts: readonly FiledPart[]) => ({
    ...describeReceived(judged, { deliveredTo: folder }),
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
  })
  const { folder, recorded } = await deliverToFolder(deliverTo, message, describe)
  await settle('delivered', folder)
  await recorded()
  return describeReceived(judged, { deliveredTo: folder })
}

function facts({ facts }: Offer['message']) {
  return {
    to: facts.to.mailboxes.map(({ address }) => address.toString()),
    cc: facts.cc.mailboxes.map(({ address }) => address.toString()),
    subject: facts.subject,
    date: facts.date,
    inReplyTo: facts.inReplyTo,
    references: facts.references,
  }
}

function deliveryOf({ judged, message, deliveries, settle }: Offer): Delivery {
  const { inner, author, path } = message
  const delivered: DeliveredMessage = {
    messageId: messageIdOf(judged),
    from: author.toString(),
    ...facts(message),
    sha256: message.innerSha256,
    bytes: inner.bytes,
    read: () => owned(lent(inner)),
    parts: () => readParts(inner),
  }
  return {
    message: delivered,
    recipients: deliveries.map(({ recipient }) => recipient),
    signer: describeSigner({ certificate: path.leaf, boundTo: path.boundTo, name: path.boundName }),
    warnings: judged.warnings,
    accept: (where) => settle('delivered', where ?? null),
    reject: (why) => settle('rejected', why),
  }
}
