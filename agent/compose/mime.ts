import { randomUUID } from 'node:crypto'
import { encodeBase64Lines } from '../mime/base64.ts'
import { encodeField, encodeParameter, fold, isAsciiText } from '../mime/encode-field.ts'
import { encodeQuotedPrintable } from '../mime/quoted-printable.ts'
import { encodeWords } from '../mime/words.ts'
import type { Draft } from '../sending-types.ts'
import { once } from '../smime/source.ts'

/** An attachment to be: its content as it will arrive. */
export interface MimeAttachment {
  readonly filename: string
  readonly contentType: string
  readonly content: AsyncIterable<Uint8Array | string> | Iterable<Uint8Array>
}

/** One entity of MIME (RFC 2045 2.4): the lines of its header, and its body. */
interface Entity {
  readonly header: readonly Uint8Array[]
  readonly body: () => AsyncIterable<Uint8Array>
}

/**
 * A draft's body and attachments under `header`, the lines of a message's own: text, HTML as its alternative, and behind
 * both the attachments in base64. CRLF and 7-bit (MSG-1), but for messages that are attached: those have no encoding of
 * their own (RFC 2046 5.2.1), and stand as they are. Chunks are lent until the next one is asked for.
 */
export async function* mimeOf(
  header: Uint8Array,
  { text, html }: Pick<Draft, 'text' | 'html'>,
  attachments: readonly MimeAttachment[],
): AsyncGenerator<Uint8Array> {
  // Receivers look for attachments beside a text, so there is always one.
  const texts = text || !html ? [textPart('plain', text ?? '')] : []
  if (html) texts.push(textPart('html', html))
  const whole = together('mixed', [together('alternative', texts), ...attachments.map(attachmentPart)])
  yield header
  yield* whole.header
  yield Buffer.from('MIME-Version: 1.0\r\n\r\n')
  yield* ended(whole.body())
}

/** With the end of its last line (RFC 5322 2.3). */
async function* ended(lines: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let last: number | undefined
  for await (const chunk of lines) {
    last = chunk.at(-1) ?? last
    yield chunk
  }
  if (last !== LF) yield CRLF
}

/** Several entities as one; one stays what it is. */
function together(subtype: 'mixed' | 'alternative', parts: readonly Entity[]): Entity {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const boundary = randomUUID()
  return {
    header: [field('Content-Type', `multipart/${subtype}; boundary="${boundary}"`)],
    async *body() {
      for (const { header, body } of parts) {
        yield Buffer.concat([Buffer.from(`--${boundary}\r\n`), ...header, CRLF])
        yield* body()
        yield CRLF
      }
      yield Buffer.from(`--${boundary}--\r\n`)
    },
  }
}

const CRLF = Buffer.from('\r\n')
const LF = 0x0a

/** As it is where every line is short ASCII; else what is mostly ASCII stays readable, and the rest is shorter in base64. */
function textPart(subtype: 'plain' | 'html', text: string): Entity {
  const canonical = text.replace(/\r\n|\r|\n/g, '\r\n')
  const bytes = Buffer.from(canonical)
  const isShortAscii = /^[\t\x20-\x7e\r\n]*$/.test(canonical) && !/[^\r\n]{77}/.test(canonical)
  const isMostlyAscii = bytes.length < 2 * canonical.length
  const encoding = isShortAscii ? '7bit' : isMostlyAscii ? 'quoted-printable' : 'base64'
  return {
    header: [
      field('Content-Type', `text/${subtype}; charset=utf-8`),
      field('Content-Transfer-Encoding', encoding),
    ],
    body: () => ENCODERS[encoding](once(bytes)),
  }
}

const ENCODERS = {
  '7bit': (content: AsyncIterable<Uint8Array>) => content,
  'quoted-printable': encodeQuotedPrintable,
  base64: (content: AsyncIterable<Uint8Array>) => encodeBase64Lines(content, { lend: true }),
}

/** No line has room for it (MSG-1), a reader who unfolds lines would leave one blank of several, or decode it once more. */
const UNSAFE_AS_IT_IS = /^.{256}|[ ]{2}|=\?/

function attachmentPart({ filename, contentType, content }: MimeAttachment): Entity {
  const isEncoded = !isMessage(contentType)
  const isNamed = /;\s*name\*?[0-9*]*\s*=/i.test(contentType)
  const isPlain = isAsciiText(filename) && !UNSAFE_AS_IT_IS.test(filename)
  const words = isPlain ? filename : encodeWords(filename).join(' ')
  return {
    header: [
      // Older readers know no other way to write a name there.
      field('Content-Type', isNamed ? contentType : `${contentType}; name=${quoted(words)}`),
      ...(isEncoded ? [field('Content-Transfer-Encoding', 'base64')] : []),
      field(
        'Content-Disposition',
        `attachment; ${isPlain ? `filename=${quoted(filename)}` : encodeParameter('filename', filename)}`,
      ),
    ],
    body: () => (isEncoded ? encodeBase64Lines(bytesOf(content), { lend: true }) : bytesOf(content)),
  }
}

/** Whether an attachment of this type is itself a message, or a piece or a report of one. */
export function isMessage(contentType: string): boolean {
  return /^message\//i.test(contentType)
}

async function* bytesOf(content: MimeAttachment['content']): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

function field(name: string, value: string): Uint8Array {
  const line = `${name}: ${value}`
  return isAsciiText(line) ? Buffer.from(fold(line)) : encodeField({ name, value, raw: Buffer.from(line) })
}

/** RFC 5322 3.2.4. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}
