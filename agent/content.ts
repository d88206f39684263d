import type { MessageCode, Reason } from './errors.ts'
import { MimeError } from './mime/error.ts'
import { type MessageFacts, readMessageHeader } from './read.ts'
import type { Source, Spool } from './smime/source.ts'
import { unwrap } from './smime/verify.ts'

/** What was signed, as a message: the wrapped one, or the signed entity itself with the outer header's facts. */
export interface Content extends AsyncDisposable {
  readonly inner: Source
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
    const content = await unwrap(entity, spool)
    const facts = await readMessageHeader(content.inner)
    const shown = content.wrapped ? facts : { ...facts, ...outerFacts(await readMessageHeader(raw)) }
    const repeated = (['to', 'cc'] as const).find((name) => shown[name].fields > 1)
    if (!content.wrapped && (repeated || shown.messageIds > 1))
      return {
        code: 'MALFORMED',
        text: `the outer header has more than one ${repeated ?? 'Message-ID'} (IN-5)`,
      }
    return { ...content, facts: shown, [Symbol.asyncDispose]: () => content[Symbol.asyncDispose]() }
  } catch (error) {
    if (error instanceof MimeError)
      return { code: error.code, text: `the signed content makes no sense: ${error.message}` }
    throw error
  }
}

function outerFacts(outer: MessageFacts) {
  const { from, sender, to, cc, messageId, messageIds, autoSubmitted } = outer
  return { from, sender, to, cc, messageId, messageIds, autoSubmitted }
}
