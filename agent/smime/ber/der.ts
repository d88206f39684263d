/**
 * Writes DER (X.690 10): the few forms that CMS needs, straight into bytes. A message costs a handful of copies this
 * way and no object per field (docs/decisions.md).
 */

export const TAG = {
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OID: 0x06,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const

export const NULL: Uint8Array = Uint8Array.of(TAG.NULL, 0)

/** Context-specific tag octet, e.g. `context(0)` for a constructed `[0]`. */
export function context(number: number, form: 'constructed' | 'primitive' = 'constructed'): number {
  return (form === 'constructed' ? 0xa0 : 0x80) | number
}

/** Identifier and length octets of a value that is `length` bytes long. */
export function header(tag: number, length: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(headerSize(length))
  writeHeader(bytes, tag, length)
  return bytes
}

/** Bytes that a value of `length` takes with its identifier and length octets. */
export function sizeWithHeader(length: number): number {
  return headerSize(length) + length
}

/** An element whole: identifier, length, and the contents joined. */
export function tlv(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const content of contents) length += content.length
  const bytes = Buffer.allocUnsafe(sizeWithHeader(length))
  let at = writeHeader(bytes, tag, length)
  for (const content of contents) {
    bytes.set(content, at)
    at += content.length
  }
  return bytes
}

/** An element under a context tag instead of its own (X.690 8.14.3). */
export function implicit(number: number, element: Uint8Array): Uint8Array {
  const tagged = Buffer.from(element)
  tagged[0] = context(number)
  return tagged
}

export function sequence(...contents: readonly Uint8Array[]): Uint8Array {
  return tlv(TAG.SEQUENCE, ...contents)
}

/** SET OF: the elements in ascending order of their encodings (X.690 11.6). */
export function setOf(...elements: readonly Uint8Array[]): Uint8Array {
  return tlv(TAG.SET, ...elements.toSorted((a, b) => Buffer.compare(a, b)))
}

/** A non-negative INTEGER below 128, such as every CMSVersion. */
export function smallInteger(value: number): Uint8Array {
  return Uint8Array.of(TAG.INTEGER, 1, value)
}

/** An OBJECT IDENTIFIER of dotted form. Those that we write are few, and encoded once. */
export function oid(dotted: string): Uint8Array {
  const known = oids.get(dotted)
  if (known !== undefined) return known
  const encoded = encodeOid(dotted)
  oids.set(dotted, encoded)
  return encoded
}

const oids = new Map<string, Uint8Array>()

function encodeOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const octets: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const digits = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | (left % 128))
    }
    octets.push(...digits)
  }
  return tlv(TAG.OID, Uint8Array.from(octets))
}

/** RFC 5652 11.3: UTCTime through 2049, GeneralizedTime from 2050 on; whole seconds. */
export function time(at: Date): Uint8Array {
  const digits = at
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '')
  const year = at.getUTCFullYear()
  return year >= 1950 && year < 2050
    ? tlv(TAG.UTC_TIME, Buffer.from(digits.slice(2)))
    : tlv(TAG.GENERALIZED_TIME, Buffer.from(digits))
}

/** X.690 8.1.3: one octet for a short length, else one that counts those behind it. */
function headerSize(length: number): number {
  let size = 2
  if (length >= 0x80) for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) size++
  return size
}

/** Writes at the start of `bytes`; what it returns is where the value begins. */
function writeHeader(bytes: Buffer, tag: number, length: number): number {
  const size = headerSize(length)
  bytes[0] = tag
  if (size === 2) bytes[1] = length
  else {
    bytes[1] = 0x80 | (size - 2)
    bytes.writeUIntBE(length, 2, size - 2)
  }
  return size
}
