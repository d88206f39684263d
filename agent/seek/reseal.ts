import type { NewCopy, Store, WaitingMessage } from '../../store/index.ts'
import { type Address, parseAddress } from '../address.ts'
import type { Classified } from '../classify.ts'
import { formatDate } from '../compose/date.ts'
import { recipientsByField } from '../compose/file.ts'
import { givenAddress } from '../given-address.ts'
import { parseMailboxes } from '../mime/addresses.ts'
import { readHead } from '../mime/entity.ts'
import { openRecord } from '../record.ts'
import { newCopies } from '../send/copies.ts'
import { type SendTools, signatures } from '../send/prepare.ts'
import type { Source } from '../smime/source.ts'
import { type Composed, wrap } from '../smime/wrap.ts'
import { wholeSource } from '../stored-source.ts'

/**
 * Copies for whom it is known by now how to reach: the very message that waited, byte for byte, signed anew (MSG-8) and
 * sealed for them. They and whoever had a copy before stand in its outer To and Cc (MSG-11). Throws DirectError
 * IDENTITY_UNUSABLE, IDENTITY_MISSING, STORE_FAILED, STORE_DAMAGED (the record).
 */
export async function copiesFor(
  reached: readonly Classified[],
  waiting: WaitingMessage,
  tools: SendTools & { readonly store: Store },
): Promise<readonly NewCopy[]> {
  const { identities, store, at } = tools
  const signer = identities.signingFor(givenAddress(waiting.from), at())
  const record = await wholeSource(store, waiting.recordBody)
  await using inner = await openRecord(record, waiting.from, tools)
  const composed = await recompose(inner, waiting)
  const shown = new Set([
    ...reached.map(({ address }) => address?.key),
    ...waiting.recipients
      .filter(({ route }) => route === 'direct' || route === 'tls')
      .map(({ address }) => address),
  ])
  const toCopy = {
    composed,
    signWith: signatures({ composed, signer }, tools),
    reached,
    stays: ({ key }: Address) => shown.has(key),
    recordBody: waiting.recordBody,
  }
  // Awaited here: what is copied is read until then.
  return await newCopies(toCopy, tools)
}

/** The message as it was composed. Who is a Bcc recipient follows from its To and Cc. */
async function recompose(inner: Source, waiting: WaitingMessage): Promise<Composed> {
  const { header } = await readHead(inner.read())
  const author = parseMailboxes(header.first('From') ?? '').mailboxes[0]?.address
  // What was given and is no address stands in no header.
  const recipients = waiting.recipients.flatMap(({ address }) => {
    const parsed = parseAddress(address)
    return 'code' in parsed ? [] : [parsed]
  })
  return wrap(inner, {
    messageId: waiting.messageId,
    date: header.first('Date') ?? formatDate(waiting.since),
    from: author ?? givenAddress(waiting.from),
    ...recipientsByField(header, recipients),
    inReplyTo: header.first('In-Reply-To'),
    references: header.first('References'),
  })
}
