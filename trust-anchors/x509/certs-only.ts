import type { Failure } from '../failures.ts'
import { Malformed, oidText, TAG } from './der.ts'

const SIGNED_DATA = '1.2.840.113549.1.7.2'
/** Indefinite lengths within each other; a SignedData's own frame needs five. */
const MAX_NESTING = 16

/**
 * The certificates of a SignedData (RFC 5652 5.1), as a certs-only message, AIA's p7c or a trust bundle's p7b carries
 * them: DER each, in order, unread. BER's indefinite lengths are followed around them (ALG-3), never inside. Whatever
 * else the SignedData has is passed over, its signatures unchecked. Null: no SignedData.
 */
export function readCertsOnly(
  bytes: Uint8Array,
  limit: { readonly count: number; readonly bytes: number },
): readonly Uint8Array[] | null | Failure {
  if (bytes.length > limit.bytes)
    return malformed(`certificates in ${bytes.length} bytes; the limit is ${limit.bytes}`)
  try {
    if (bytes[0] !== TAG.SEQUENCE) return null
    const info = new BerReader(bytes).enter(TAG.SEQUENCE)
    if (info.peek() !== TAG.OID || oidText(info.next(TAG.OID)) !== SIGNED_DATA) return null
    const signed = info.enter(0xa0).enter(TAG.SEQUENCE)
    signed.next(TAG.INTEGER)
    signed.next(TAG.SET)
    signed.next(TAG.SEQUENCE)
    return signed.peek() === 0xa0 ? certificatesIn(signed.enter(0xa0), limit.count) : []
  } catch (error) {
    if (error instanceof Malformed) return malformed(`not a CMS of certificates: ${error.message}`)
    throw error
  }
}

function certificatesIn(set: BerReader, most: number): readonly Uint8Array[] {
  const certificates: Uint8Array[] = []
  for (let tag = set.peek(); tag !== null; tag = set.peek()) {
    const { raw } = set.take()
    // The other choices of RFC 5652 10.2.2 (attribute certificates and the like) have tags of their own.
    if (tag !== TAG.SEQUENCE) continue
    if (certificates.length === most) throw new Malformed(`more than ${most} certificates`)
    certificates.push(raw)
  }
  return certificates
}

function malformed(text: string): Failure {
  return { code: 'CERT_MALFORMED', text }
}

/** Reads BER in order: definite lengths, and indefinite ones that end with two zero octets (X.690 8.1.3.6). */
class BerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** The tag of what comes next; null at the end. */
  peek(): number | null {
    return this.#at === this.#bytes.length ? null : byteAt(this.#bytes, this.#at)
  }

  take(): { readonly raw: Uint8Array; readonly content: Uint8Array } {
    const { contentAt, contentEnd, end } = extentOf(this.#bytes, this.#at, 0)
    const raw = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return { raw, content: this.#bytes.subarray(contentAt, contentEnd) }
  }

  next(tag: number): Uint8Array {
    if (this.peek() !== tag) throw new Malformed(`no tag 0x${tag.toString(16)} where it belongs`)
    return this.take().content
  }

  enter(tag: number): BerReader {
    return new BerReader(this.next(tag))
  }
}

interface Extent {
  readonly contentAt: number
  readonly contentEnd: number
  readonly end: number
}

function extentOf(bytes: Uint8Array, start: number, nesting: number): Extent {
  if ((byteAt(bytes, start) & 0x1f) === 0x1f) throw new Malformed('a tag number above 30')
  const first = byteAt(bytes, start + 1)
  let contentAt = start + 2
  if (first === 0x80) {
    if (nesting === MAX_NESTING) throw new Malformed('indefinite lengths that are nested too deep')
    let at = contentAt
    while (byteAt(bytes, at) !== 0) at = extentOf(bytes, at, nesting + 1).end
    if (byteAt(bytes, at + 1) !== 0) throw new Malformed('an end that is none')
    return { contentAt, contentEnd: at, end: at + 2 }
  }
  let length = first
  if (first > 0x80) {
    if (first > 0x84) throw new Malformed('an absurd length')
    length = 0
    for (let i = 0x80; i < first; i++) length = length * 256 + byteAt(bytes, contentAt++)
  }
  const end = contentAt + length
  if (end > bytes.length) throw new Malformed('an element longer than what holds it')
  return { contentAt, contentEnd: end, end }
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new Malformed('it ends too early')
  return byte
}
