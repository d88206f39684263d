import type { MessageCode, Reason } from '../errors.ts'
import { readHead } from '../mime/entity.ts'
import { MimeError } from '../mime/error.ts'
import type { MessageStart } from '../mime/head.ts'
import { type Field, holdsControls } from '../mime/header.ts'
import { factsOf, type MailboxField, type MessageFacts, readMessageHeader } from '../read.ts'
import { isEnvelope } from '../smime/nested.ts'
import type { Source, Spool } from '../smime/source.ts'
import { unwrapBehind } from '../smime/unwrap.ts'

/** What was signed, as a message: the wrapped one, or the signed entity itself with the outer header's facts. */
export interface Content extends AsyncDisposable {
  readonly inner: Source
  /** Of that message. */
  readonly head: MessageStart
  readonly wrapped: boolean
  readonly facts: MessageFacts
}

/** Unwraps the signed entity and reads its header (IN-5, IN-8). */
export async function readContent(
  entity: Source,
  raw: Source,
  spool: Spool,
): Promise<Content | Reason<MessageCode>> {
  try {
    const head = await readHead(entity.read())
    if (await isEnvelope(entity, head))
      return { code: 'MALFORMED', text: 'what was signed is encrypted once more; that is refused' }
    await using scope = new AsyncDisposableStack()
    const content = scope.use(await unwrapBehind(head, entity, spool))
    const shownHead = content.wrapped ? await readHead(content.inner.read()) : head
    if (content.wrapped && (await isEnvelope(content.inner, shownHead)))
      return { code: 'MALFORMED', text: 'the wrapped message is encrypted once more; that is refused' }
    refuseTwoReadings(shownHead)
    const facts = factsOf(shownHead.header)
    const shown = content.wrapped ? facts : { ...facts, ...outerFacts(await readMessageHeader(raw)) }
    if (!content.wrapped && facts.from.fields > 0 && !isSameAuthor(facts.from, shown.from))
      return {
        code: 'MALFORMED',
        text: 'the signed entity names another From than the outer header, and whoever reads it would see that one',
      }
    const repeated = (['to', 'cc'] as const).find((name) => shown[name].fields > 1)
    if (!content.wrapped && (repeated || shown.messageIds > 1))
      return {
        code: 'MALFORMED',
        text: `the outer header has more than one ${repeated ?? 'Message-ID'}`,
      }
    const kept = scope.move()
    return { ...content, head: shownHead, facts: shown, [Symbol.asyncDispose]: () => kept.disposeAsync() }
  } catch (error) {
    if (error instanceof MimeError)
      return { code: error.code, text: `the signed content makes no sense: ${error.message}` }
    throw error
  }
}

/**
 * What is delivered is read again, by programs for which a lone CR ends a line, or a control or a fold before the colon
 * is no part of a field's name: they would see another From than the one that was judged (IN-6).
 */
function refuseTwoReadings({ header, headerBlock }: MessageStart): void {
  const isNoField = ({ name, value }: Field) => name === '' && value.includes(':')
  if (holdsControls(headerBlock) || header.fields.some(isNoField))
    throw new MimeError(
      'MALFORMED',
      'its header can be read in two ways: a control character, or a line that is no field',
    )
}

function isSameAuthor(own: MailboxField, outer: MailboxField): boolean {
  const [author, ...others] = own.mailboxes
  return (
    own.fields === 1 &&
    own.problems.length === 0 &&
    others.length === 0 &&
    author?.address.key === outer.mailboxes[0]?.address.key
  )
}

function outerFacts(outer: MessageFacts) {
  const { from, sender, to, cc, messageId, messageIds, autoSubmitted } = outer
  return { from, sender, to, cc, messageId, messageIds, autoSubmitted }
}
