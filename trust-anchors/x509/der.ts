/**
 * A strict reader of DER (X.690 10) for certificates. BER's other spellings (indefinite or padded lengths,
 * tag numbers above 30) are refused: two parsers must not read two certificates from the same bytes.
 */

/** What the readers throw on bytes that are not what they should be; it never leaves this room. */
export class Malformed extends Error {
  override readonly name = 'Malformed'
}

/** `raw` is the whole TLV, `content` its value; both are views of the bytes read. */
export interface Element {
  readonly tag: number
  readonly raw: Uint8Array
  readonly content: Uint8Array
}

export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const

/** Reads the elements of one constructed value in order. */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  /** The next element; with `tag`, it must be of that tag. */
  next(tag?: number): Element {
    const element = elementAt(this.#bytes, this.#at)
    if (tag !== undefined && element.tag !== tag) {
      throw new Malformed(`tag 0x${element.tag.toString(16)} stands where 0x${tag.toString(16)} belongs`)
    }
    this.#at += element.raw.length
    return element
  }

  /** The next element if it is of this tag, else null and nothing is consumed. */
  optional(tag: number): Element | null {
    return !this.done && this.#bytes[this.#at] === tag ? this.next() : null
  }

  sequence(): DerReader {
    return new DerReader(this.next(TAG.SEQUENCE).content)
  }

  oid(): string {
    return oidText(this.next(TAG.OID).content)
  }

  end(): void {
    if (!this.done) throw new Malformed(`${this.#bytes.length - this.#at} bytes too many`)
  }
}

/** Bytes that are exactly one element of this tag. */
export function readOnly(bytes: Uint8Array, tag: number): Element {
  const reader = new DerReader(bytes)
  const element = reader.next(tag)
  reader.end()
  return element
}

function elementAt(bytes: Uint8Array, start: number): Element {
  const { tag, from, to } = extentAt(bytes, start, { tag: 0, from: 0, to: 0 })
  return { tag, raw: bytes.subarray(start, to), content: bytes.subarray(from, to) }
}

/** Where an element's content begins and ends in the bytes read. */
export interface Extent {
  tag: number
  from: number
  to: number
}

/** Reads the header at `start` into `extent`: who walks a million elements makes no object for any of them. */
export function extentAt(bytes: Uint8Array, start: number, extent: Extent): Extent {
  const tag = byteAt(bytes, start)
  if ((tag & 0x1f) === 0x1f) throw new Malformed('a tag number above 30')
  let length = byteAt(bytes, start + 1)
  let at = start + 2
  if (length >= 0x80) {
    const octets = length - 0x80
    if (octets === 0 || octets > 3) throw new Malformed('a length that is indefinite or absurd')
    length = 0
    for (let i = 0; i < octets; i++) length = length * 256 + byteAt(bytes, at++)
    if (length < (octets === 1 ? 0x80 : 256 ** (octets - 1))) throw new Malformed('a padded length')
  }
  extent.tag = tag
  extent.from = at
  extent.to = at + length
  if (extent.to > bytes.length) throw new Malformed('an element longer than what holds it')
  return extent
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new Malformed('it ends too early')
  return byte
}

/** Dotted form of an OBJECT IDENTIFIER's content; arcs of any size. */
export function oidText(content: Uint8Array): string {
  const arcs: bigint[] = []
  let arc = 0n
  let first = true
  for (const [i, byte] of content.entries()) {
    if (arc === 0n && byte === 0x80) throw new Malformed('a padded OBJECT IDENTIFIER')
    arc = arc * 128n + BigInt(byte & 0x7f)
    if (byte & 0x80) {
      // 20 octets hold any arc in use (a UUID under 2.25 takes 19); more only costs time.
      if (i > 64 || arc > 1n << 140n) throw new Malformed('an absurd OBJECT IDENTIFIER')
      continue
    }
    if (first) {
      const top = arc < 40n ? 0n : arc < 80n ? 1n : 2n
      arcs.push(top, arc - top * 40n)
      first = false
    } else arcs.push(arc)
    arc = 0n
  }
  if (first || ((content.at(-1) as number) & 0x80) !== 0) throw new Malformed('a broken OBJECT IDENTIFIER')
  return arcs.join('.')
}

/** BOOLEAN content. DER knows 0x00 and 0xff only. */
export function booleanValue(content: Uint8Array): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff))
    throw new Malformed('a broken BOOLEAN')
  return content[0] === 0xff
}

/** A non-negative INTEGER below 2^31. */
export function smallInteger(content: Uint8Array): number {
  if (content.length === 0 || content.length > 4 || (content[0] as number) & 0x80) {
    throw new Malformed('an INTEGER out of range')
  }
  if (content.length > 1 && content[0] === 0 && ((content[1] as number) & 0x80) === 0) {
    throw new Malformed('a padded INTEGER')
  }
  return content.reduce((value, byte) => value * 256 + byte, 0)
}

/** UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 asks: UTC, with seconds, without fractions. */
export function timeValue(element: Element): Date {
  const text = String.fromCharCode(...element.content.subarray(0, 20))
  const utc = element.tag === TAG.UTC_TIME
  if (!utc && element.tag !== TAG.GENERALIZED_TIME) throw new Malformed('a time of another type')
  const parts = (
    utc ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  ).exec(text)
  if (parts === null) throw new Malformed('a time that is not in the form of RFC 5280')
  const [year, month, day, hour, minute, second] = parts.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const full = utc ? year + (year >= 50 ? 1900 : 2000) : year
  const date = new Date(0)
  date.setUTCFullYear(full, month - 1, day)
  date.setUTCHours(hour, minute, second)
  if (
    date.getUTCMonth() !== month - 1 ||
    date.getUTCDate() !== day ||
    hour > 23 ||
    minute > 59 ||
    second > 59
  ) {
    throw new Malformed('a time that no calendar has')
  }
  return date
}
