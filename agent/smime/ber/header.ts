import { CmsError } from './error.ts'

/** Identifier and length octets (X.690 8.1). */
export interface TlvHeader {
  readonly tag: number
  /** Null: indefinite. */
  readonly length: number | null
  /** Of the header itself. */
  readonly octets: number
}

/** Of an identifier octet: the value is elements, not bytes (X.690 8.1.2.5). */
export const CONSTRUCTED = 0x20
/** A length of more octets than this is more than any file has bytes. */
const MAX_LENGTH_OCTETS = 6

/** The header that begins there; null when the bytes end before it does. Throws CmsError. */
export function headerAt(bytes: Uint8Array, at: number): TlvHeader | null {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined) return null
  if ((tag & 0x1f) === 0x1f) throw new CmsError('MALFORMED', 'a tag number above 30')
  if (first === 0x80) {
    if ((tag & CONSTRUCTED) === 0) throw new CmsError('MALFORMED', 'a primitive value of indefinite length')
    return { tag, length: null, octets: 2 }
  }
  if (first < 0x80) return { tag, length: first, octets: 2 }
  const octets = 2 + (first & 0x7f)
  if (octets > 2 + MAX_LENGTH_OCTETS) throw new CmsError('MALFORMED', 'a length beyond all reason')
  if (at + octets > bytes.length) return null
  let length = 0
  for (let i = at + 2; i < at + octets; i++) length = length * 256 + (bytes[i] as number)
  return { tag, length, octets }
}
