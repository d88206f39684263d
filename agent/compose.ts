import { Address, parseAddress } from './address.ts'
import { canonicalise } from './compose/canonical.ts'
import { formatDate } from './compose/date.ts'
import {
  type ComposeTools,
  checkMessageId,
  explainMime,
  newMessageId,
  notificationFields,
} from './compose/fields.ts'
import { isMessage, type MimeAttachment, mimeOf } from './compose/mime.ts'
import { DirectError } from './errors.ts'
import { fileSource } from './files/file-source.ts'
import { fold } from './mime/encode-field.ts'
import { LIMITS } from './mime/limits.ts'
import { encodeWords } from './mime/words.ts'
import { lazily } from './neighbours/lazily.ts'
import { isStream } from './send/streams.ts'
import type { Attachment, Draft } from './sending-types.ts'
import { lent } from './smime/source.ts'
import { type Composed, type Routing, wrap } from './smime/wrap.ts'

export { composeFile } from './compose/file.ts'

/**
 * Composes the library's draft: RFC 5322 and MIME, canonical (protocol.md MSG-1 to 4, N-3); no Bcc, no Sender.
 * Attachments are streamed and arrive byte for byte (MSG-14). `messageId` stands for a generated one. Throws
 * DirectError: `ADDRESS_INVALID`; `MESSAGE_INVALID` for controls in a value (MSG-13) or nobody to send to;
 * `FILE_UNREADABLE`; `LIMIT_EXCEEDED` (IN-11). Dispose of the result: it holds a spool.
 */
export async function composeDraft(
  draft: Draft,
  tools: ComposeTools & { readonly messageId?: string },
): Promise<Composed> {
  const routing = routingOf(draft, tools)
  const header = headerOf(draft, routing, tools.finalDelivery ?? false)
  checkSize(draft, header)
  draft.attachments?.forEach(checkAttachment)
  await using files = new AsyncDisposableStack()
  const attachments: MimeAttachment[] = []
  for (const attachment of draft.attachments ?? [])
    attachments.push({
      filename: attachment.filename,
      contentType: await contentTypeOf(attachment),
      content: await contentOf(attachment, files),
    })
  const spooled = await explainMime(tools.spool(mimeOf(header, draft, attachments)))
  if (!attachments.some(({ contentType }) => isMessage(contentType))) return wrap(spooled, routing)
  // What was attached as it is may be anything.
  return wrap(await explainMime(canonicalise(spooled, { drop: [], add: [] }, tools.spool)), routing)
}

function routingOf(draft: Draft, tools: ComposeTools & { readonly messageId?: string }): Routing {
  const from = readAddress(draft.from)
  const seen = new Set<string>()
  // Who is named twice is written to once, and seen where he was named most openly.
  const each = (list: readonly string[] = []) =>
    list.map(readAddress).filter(({ key }) => !seen.has(key) && seen.add(key))
  const [to, cc, bcc] = [each(draft.to), each(draft.cc), each(draft.bcc)]
  if (seen.size === 0) throw refuse('the message has no recipient', 'Name at least one with to, cc or bcc.')
  const references = draft.references?.map((id) => checkMessageId('References', id)) ?? []
  return {
    messageId: checkMessageId(
      'messageId',
      tools.messageId ?? newMessageId(tools.messageIdHost ?? from.domain),
    ),
    date: formatDate(tools.now()),
    from,
    to,
    cc,
    bcc,
    inReplyTo: draft.inReplyTo === undefined ? null : checkMessageId('inReplyTo', draft.inReplyTo),
    references: references.length === 0 ? null : references.join(' '),
  }
}

function readAddress(text: string): Address {
  const address = parseAddress(text)
  if (address instanceof Address) return address
  throw new DirectError('ADDRESS_INVALID', address.text, {
    hint: 'A Direct address is name@domain, without a display name.',
  })
}

/** Everything but what MIME adds. No Bcc, ever (MSG-3). */
function headerOf(draft: Draft, routing: Routing, finalDelivery: boolean): Uint8Array {
  const { from, to, cc, date, messageId, inReplyTo, references } = routing
  checkText('the subject', draft.subject ?? '')
  const fields: readonly (readonly [string, string | null])[] = [
    ['From', from.toString()],
    ['To', to.join(', ')],
    ['Cc', cc.join(', ')],
    ['Subject', subjectOf(draft.subject ?? '')],
    ['Date', date],
    ['Message-ID', messageId],
    ['In-Reply-To', inReplyTo],
    ['References', references],
    ...notificationFields(from, finalDelivery),
  ]
  const lines = fields.map(([name, value]) => (value ? fold(`${name}: ${value}`) : ''))
  return Buffer.from(lines.join(''), 'latin1')
}

/** Where no blank need part a line (MSG-1: 998 characters), the field's name included. */
const MOST_IN_A_LINE = 900

/**
 * What looks like an encoded word is encoded too, so that the reader sees what was written; and so is what might not fit
 * into lines.
 */
function subjectOf(subject: string): string {
  return subject.length <= MOST_IN_A_LINE && /^[\x20-\x7e]*$/.test(subject) && !subject.includes('=?')
    ? subject.trim()
    : encodeWords(subject).join(' ')
}

/** What the other side would refuse to read (IN-11) is not sent; MIME adds a few fields to the header. */
function checkSize({ text, html, attachments = [] }: Draft, header: Uint8Array): void {
  const hint = 'Send it in several messages, or many files as one archive.'
  const parts = (text && html ? 3 : 1) + attachments.length
  if (parts > LIMITS.parts)
    throw new DirectError('LIMIT_EXCEEDED', `the message has more than ${LIMITS.parts} parts`, { hint })
  if (header.length > LIMITS.headerBytes - 4096)
    throw new DirectError('LIMIT_EXCEEDED', `the header would be longer than ${LIMITS.headerBytes} bytes`, {
      hint,
    })
}

function checkAttachment({ filename, contentType }: Attachment): void {
  checkText('the name of an attachment', filename)
  if (filename === '') throw refuse('an attachment has no name', 'Give every attachment a filename.')
  if (contentType === undefined) return
  checkText('the content type of an attachment', contentType)
  const isShort = contentType.length <= MOST_IN_A_LINE
  if (
    !isShort ||
    !/^[\w!#$&^.+-]+\/[\w!#$&^.+-]+[ ]*(;|$)/.test(contentType) ||
    /^multipart\//i.test(contentType)
  )
    throw refuse(
      `${JSON.stringify(contentType.slice(0, 100))} is not the content type of an attachment`,
      'Write it as type/subtype, e.g. application/xml.',
    )
}

/** Loaded at first need: a command that attaches nothing starts without it. Once, as each `import` takes its time. */
const mimeTypes = lazily(() => import('nodemailer/lib/mime-funcs'))

/** By the name's extension where nothing is said. A message would be made canonical; as bytes it arrives as it is. */
async function contentTypeOf({ filename, contentType }: Attachment): Promise<string> {
  if (contentType !== undefined) return contentType
  const { detectMimeType } = await mimeTypes()
  const detected = detectMimeType(filename)
  return /^(message|multipart)\//.test(detected) ? 'application/octet-stream' : detected
}

async function contentOf(
  { content }: Attachment,
  files: AsyncDisposableStack,
): Promise<MimeAttachment['content']> {
  if (typeof content === 'string') return [Buffer.from(content)]
  if (content instanceof Uint8Array) return [content]
  return isStream(content) ? content : lent(files.use(await fileSource(content.path)))
}

/** MSG-13: a header value with controls is refused, never mended. */
function checkText(what: string, value: string): void {
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(value))
    throw refuse(`${what} holds a control character`, 'Remove line breaks, tabs and other controls from it.')
}

function refuse(what: string, hint: string): DirectError {
  return new DirectError('MESSAGE_INVALID', what, { hint })
}
