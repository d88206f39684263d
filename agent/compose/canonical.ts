import { isAscii } from 'node:buffer'
import { encodeBase64Lines } from '../mime/base64.ts'
import { asBuffer } from '../mime/bytes.ts'
import { encodeField } from '../mime/encode-field.ts'
import type { Field } from '../mime/header.ts'
import { LineEnds, withCrlf } from '../mime/line-ends.ts'
import { encodeQuotedPrintable } from '../mime/quoted-printable.ts'
import { type EntityStart, type Step, walk } from '../mime/walk.ts'
import { concatSources, lent, type Spool, type Spooled, sliceOf } from '../smime/source.ts'
import { type Encoding, into, type Plan, survey } from './survey.ts'

/** What else is done to the message's own header: fields to leave out, and folded lines to add at its end. */
export interface HeaderEdits {
  readonly drop: readonly string[]
  readonly add: readonly string[]
}

/**
 * Makes a message CRLF and 7-bit clean (protocol.md MSG-1): 8-bit leaves are encoded anew, raw UTF-8 in headers becomes
 * encoded words. Nothing else changes: what is canonical already comes back as it is, byte for byte, and everything
 * inside a multipart/signed stays but for its line ends. Takes `message` over; the result is the caller's to dispose
 * of. Throws MimeError where the message makes no sense.
 */
export async function canonicalise(message: Spooled, edits: HeaderEdits, spool: Spool): Promise<Spooled> {
  await using scope = new AsyncDisposableStack()
  scope.use(message)
  const plan = await survey(message)
  if (!plan.clean) return await spool(rewrite(message, plan, edits))
  scope.move()
  const isEdited = edits.add.length > 0 || edits.drop.some((name) => plan.fields.has(name))
  return isEdited ? underNewHeader(message, plan, edits) : message
}

/** Of a message that is canonical already only the header is written anew; the rest is read where it lies. */
function underNewHeader(message: Spooled, plan: Plan, edits: HeaderEdits): Spooled {
  const { top } = plan
  const header = Buffer.concat([...writeHeader(top, plan, edits)])
  const body = sliceOf(message, top.headerBlock.length + top.separator.length)
  return {
    ...concatSources([header, body]),
    [Symbol.asyncDispose]: () => message[Symbol.asyncDispose](),
  }
}

async function* rewrite(message: Spooled, plan: Plan, edits: HeaderEdits): AsyncGenerator<Uint8Array> {
  const steps = walk(lent(message), { into })
  const lineEnds = new LineEnds()
  try {
    for (let next = await steps.next(); !next.done; next = await steps.next()) {
      const step = next.value
      if (step.kind === 'frame') yield lineEnds.canonical(sevenBit(step.bytes))
      if (step.kind === 'content') yield lineEnds.canonical(step.bytes)
      if (step.kind !== 'entity') continue
      yield* writeHeader(step, plan, step.index === 0 ? edits : { drop: [], add: [] })
      const encoding = plan.encode.get(step.index)
      if (encoding !== undefined) yield* ENCODERS[encoding](contentOf(steps), step)
    }
  } finally {
    await steps.return(undefined)
  }
}

/** The content of the leaf that has just begun. */
async function* contentOf(steps: AsyncGenerator<Step>): AsyncGenerator<Uint8Array> {
  for (let next = await steps.next(); !next.done && next.value.kind === 'content'; next = await steps.next())
    yield next.value.bytes
}

type Encoder = (content: AsyncGenerator<Uint8Array>, leaf: EntityStart) => AsyncGenerator<Uint8Array>

const ENCODERS: Readonly<Record<Encoding, Encoder>> = {
  exact: (content) => encodeBase64Lines(content),
  base64: (content) => encodeBase64Lines(withCrlf(content)),
  'quoted-printable': (content) => encodeQuotedPrintable(withCrlf(content)),
  mend: (content, leaf) => withCrlf(mend(content, leaf.encoding)),
}

/** 8-bit bytes among base64 mean nothing to a decoder and go; among quoted-printable they get their escapes. */
async function* mend(content: AsyncIterable<Uint8Array>, encoding: string): AsyncGenerator<Uint8Array> {
  for await (const chunk of content) {
    const text = asBuffer(chunk).toString('latin1')
    yield Buffer.from(
      text.replace(/[\0\x80-\xff]/g, (char) =>
        encoding === 'base64' ? '' : `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      ),
      'latin1',
    )
  }
}

/** Preambles and epilogues mean nothing to anyone (RFC 2046 5.1.1), but they are signed. */
function sevenBit(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => (byte === 0 || byte > 0x7f ? 0x3f : byte))
}

const LF = 0x0a
const ENCODING_FIELD = 'content-transfer-encoding'

function* writeHeader(entity: EntityStart, plan: Plan, edits: HeaderEdits): Generator<Uint8Array> {
  const encoding = plan.encode.get(entity.index)
  const label = encoding === 'exact' ? 'base64' : encoding === 'mend' ? undefined : encoding
  const newLabel = plan.relabel.has(entity.index) ? '7bit' : label
  const labelled = Buffer.from(`Content-Transfer-Encoding: ${newLabel}\r\n`)
  const labels = entity.header.fields.filter((field) => field.name.toLowerCase() === ENCODING_FIELD)
  const last = entity.header.fields.at(-1)
  for (const field of entity.header.fields) {
    const name = field.name.toLowerCase()
    if (edits.drop.includes(name)) continue
    if (newLabel === undefined || name !== ENCODING_FIELD) yield writeField(field)
    else if (field === labels[0]) yield labelled
  }
  const adds = newLabel !== undefined && labels.length === 0 ? [labelled] : []
  adds.push(...edits.add.map((line) => Buffer.from(line, 'latin1')))
  // A header that ends where the message ends may lack its last line end.
  if (adds.length > 0 && last !== undefined && last.raw.at(-1) !== LF) yield Buffer.from('\r\n')
  yield* adds
  if (entity.separator.length > 0 || newLabel !== undefined) yield Buffer.from('\r\n')
}

function writeField(field: Field): Uint8Array {
  return isAscii(field.raw) ? new LineEnds().canonical(field.raw) : encodeField(field)
}
