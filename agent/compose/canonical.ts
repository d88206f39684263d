import { isAscii } from 'node:buffer'
import { encodeBase64Lines } from '../mime/base64.ts'
import { asBuffer } from '../mime/bytes.ts'
import { encodeField } from '../mime/encode-field.ts'
import { MimeError } from '../mime/error.ts'
import { type Field, holdsControls } from '../mime/header.ts'
import { LineEnds, withCrlf } from '../mime/line-ends.ts'
import type { MediaType } from '../mime/media-type.ts'
import { encodeQuotedPrintable } from '../mime/quoted-printable.ts'
import { isIdentityEncoding } from '../mime/transfer.ts'
import { type EntityStart, type Step, walk } from '../mime/walk.ts'
import { concatSources, lent, type Spool, type Spooled, sliceOf } from '../smime/source.ts'

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

/** `exact`: the leaf's very bytes in base64; `base64` and `quoted-printable`: its text, line ends made CRLF first. */
type Encoding = 'exact' | 'base64' | 'quoted-printable' | 'mend'

interface Plan {
  /** Nothing needs to change. */
  readonly clean: boolean
  /** The message itself. */
  readonly top: EntityStart
  /** Lower-case names of its header fields. */
  readonly fields: ReadonlySet<string>
  /** Leaves that are encoded anew, by index. */
  readonly encode: ReadonlyMap<number, Encoding>
  /** Multiparts and messages that say 8bit or binary, and will be neither. */
  readonly relabel: ReadonlySet<number>
}

/** Into everything that may be re-encoded: a signature covers what is inside a multipart/signed (RFC 1847 2.1). */
function into(type: MediaType): boolean {
  return (
    type.type !== 'multipart/signed' && (type.type.startsWith('multipart/') || type.type === 'message/rfc822')
  )
}

async function survey(message: Spooled): Promise<Plan> {
  const encode = new Map<number, Encoding>()
  const entities: EntityStart[] = []
  const touched = new Set<number>()
  const eightBitStays = new Set<number>()
  let fields: ReadonlySet<string> = new Set()
  let clean = true
  let bytes = 0
  let facts = new Facts(false)
  const lineEnds = new Facts(false)
  const upwards = (set: Set<number>, index: number) => {
    for (let at: number | null = index; at !== null && !set.has(at); at = entities[at]?.parent ?? null)
      set.add(at)
  }
  for await (const step of walk(lent(message), { into })) {
    if (step.kind === 'entity') {
      entities.push(step)
      if (step.index === 0) fields = new Set(step.header.fields.map((field) => field.name.toLowerCase()))
      checkHeader(step)
      for (const part of [step.headerBlock, step.separator]) {
        bytes += part.length
        lineEnds.add(part)
        if (!isAscii(part)) upwards(touched, step.index)
      }
      facts = new Facts(!isEncoded(step))
    } else if (step.kind === 'end') {
      const entity = entities.at(-1) as EntityStart
      lineEnds.goOnAfter(facts)
      const encoding = decide(entity, facts)
      if (encoding !== null) {
        encode.set(step.index, encoding)
        upwards(touched, step.index)
      } else if (facts.eightBit > 0) upwards(eightBitStays, step.index)
    } else {
      bytes += step.bytes.length
      if (step.kind === 'content') facts.add(step.bytes)
      else {
        lineEnds.add(step.bytes)
        if (!isAscii(step.bytes) || step.bytes.includes(0)) upwards(touched, step.index)
      }
    }
  }
  if (lineEnds.bareLf || touched.size > 0 || bytes !== message.bytes) clean = false
  const relabel = entities
    .filter(({ index, role, encoding }) => role !== 'leaf' && encoding !== '7bit' && touched.has(index))
    .map(({ index }) => index)
    .filter((index) => !eightBitStays.has(index))
  return { clean, top: entities[0] as EntityStart, fields, encode, relabel: new Set(relabel) }
}

/** What a run of bytes holds that a 7-bit transport would not carry (RFC 2045 2.7). */
class Facts {
  bytes = 0
  eightBit = 0
  nul = false
  bareLf = false
  loneCr = false
  #afterCr = false
  readonly #seeksLoneCr: boolean

  /** A search for each CR takes its time: `seeksLoneCr` where it makes a difference. */
  constructor(seeksLoneCr: boolean) {
    this.#seeksLoneCr = seeksLoneCr
  }

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const buffer = asBuffer(chunk)
    this.bytes += buffer.length
    if (!isAscii(buffer)) for (const byte of buffer) if (byte > 0x7f) this.eightBit++
    this.nul ||= buffer.includes(0)
    for (let lf = buffer.indexOf(LF); lf >= 0 && !this.bareLf; lf = buffer.indexOf(LF, lf + 1))
      this.bareLf = !(lf === 0 ? this.#afterCr : buffer[lf - 1] === CR)
    if (this.#seeksLoneCr) this.#seekLoneCr(buffer)
    this.#afterCr = buffer.at(-1) === CR
  }

  #seekLoneCr(buffer: Buffer): void {
    if (this.#afterCr && buffer[0] !== LF) this.loneCr = true
    for (let cr = buffer.indexOf(CR); cr >= 0 && !this.loneCr; cr = buffer.indexOf(CR, cr + 1))
      this.loneCr = cr + 1 < buffer.length && buffer[cr + 1] !== LF
  }

  /** The line ends of `part`, a whole leaf, come next. */
  goOnAfter(part: Facts): void {
    this.bareLf ||= part.bareLf
    this.#afterCr = part.#afterCr
  }

  /** A CR that ends the bytes stands alone too. */
  get hasLoneCr(): boolean {
    return this.loneCr || this.#afterCr
  }
}

const LF = 0x0a
const CR = 0x0d

/** As text of its own, in which a CR means nothing. */
function isEncoded({ encoding }: EntityStart): boolean {
  return encoding === 'base64' || encoding === 'quoted-printable'
}

function decide(entity: EntityStart, facts: Facts): Encoding | null {
  const { type, encoding } = entity
  const eightBit = facts.eightBit > 0 || facts.nul
  if (type.type === 'multipart/signed') return null
  if (isEncoded(entity)) return eightBit ? 'mend' : null
  if (!isIdentityEncoding(encoding) || type.type.startsWith('multipart/')) {
    if (!eightBit) return null
    throw new MimeError(
      'MALFORMED',
      `A part of type ${type.type} holds 8-bit bytes and cannot be encoded anew (its Content-Transfer-Encoding or boundary makes no sense)`,
    )
  }
  const binary = encoding === 'binary'
  if (!eightBit && !facts.hasLoneCr && !(binary && facts.bareLf)) return null
  const isText = /^(text|message)\//.test(type.type) && !binary && !facts.nul
  if (!isText) return 'exact'
  // Mostly ASCII stays readable; the rest is shorter in base64.
  return facts.eightBit > facts.bytes / 3 ? 'base64' : 'quoted-printable'
}

function checkHeader({ header }: EntityStart): void {
  for (const field of header.fields) {
    if (holdsControls(field.raw))
      throw new MimeError(
        'MALFORMED',
        `the header field ${JSON.stringify(field.name)} holds a control character`,
      )
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
