import { isAscii } from 'node:buffer'
import { asBuffer } from '../mime/bytes.ts'
import { MimeError } from '../mime/error.ts'
import { holdsControls } from '../mime/header.ts'
import type { MediaType } from '../mime/media-type.ts'
import { isIdentityEncoding } from '../mime/transfer.ts'
import { type EntityStart, walk } from '../mime/walk.ts'
import { lent, type Source } from '../smime/source.ts'

/**
 * How a leaf is encoded anew. `exact`: its very bytes in base64; `base64` and `quoted-printable`: its text, line ends made
 * CRLF first; `mend`: it is encoded already, but for some 8-bit bytes.
 */
export type Encoding = 'exact' | 'base64' | 'quoted-printable' | 'mend'

/** What has to change of a message, and where. */
export interface Plan {
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
export function into(type: MediaType): boolean {
  return (
    type.type !== 'multipart/signed' && (type.type.startsWith('multipart/') || type.type === 'message/rfc822')
  )
}

/** Reads a message once, for what a 7-bit transport would not carry. Throws MimeError where it makes no sense. */
export async function survey(message: Source): Promise<Plan> {
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
