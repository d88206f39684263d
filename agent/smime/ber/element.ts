import { TAG } from './der.ts'
import { CmsError } from './reader.ts'

const CONSTRUCTED = 0x20
/** Elements within each other, and in all: no structure of CMS comes near either. */
const MAX_DEPTH = 100
const MAX_ELEMENTS = 10_000
/** Of an OBJECT IDENTIFIER, in octets: a UUID under 2.25 takes 20. */
const MAX_OID_BYTES = 128

/**
 * One element of BER that lies whole in memory (X.690 8), its length definite or not. All that is within it has been read
 * with it; values are views of its bytes, and make sense or not when they are asked for.
 */
export class Element {
  /** Identifier octet; the first one of a tag number above 30. */
  readonly tag: number
  /** Of a constructed element. */
  readonly children: readonly Element[]
  readonly #all: Uint8Array
  readonly #extent: Extent

  /** @internal Use `readElement`. */
  constructor(all: Uint8Array, extent: Extent, children: readonly Element[]) {
    this.tag = all[extent.start] as number
    this.children = children
    this.#all = all
    this.#extent = extent
  }

  /** As it came, identifier and length included. */
  get bytes(): Uint8Array {
    return this.#all.subarray(this.#extent.start, this.#extent.end)
  }

  /** Content octets, those of an indefinite length's end not included. */
  get value(): Uint8Array {
    return this.#all.subarray(this.#extent.value, this.#extent.valueEnd)
  }

  /** The value of an OCTET STRING under `tag` (its primitive form), whole or in pieces; a copy. Throws CmsError. */
  octets(tag: number = TAG.OCTET_STRING): Uint8Array {
    if (this.tag === tag) return new Uint8Array(this.value)
    if (this.tag === (tag | CONSTRUCTED)) return Buffer.concat(this.children.map((piece) => piece.octets()))
    throw new CmsError('MALFORMED', 'something else stands where an OCTET STRING belongs')
  }

  /** Dotted form of an OBJECT IDENTIFIER (X.690 8.19). Throws CmsError. */
  oid(): string {
    if (this.tag !== TAG.OID)
      throw new CmsError('MALFORMED', 'something else stands where an OBJECT IDENTIFIER belongs')
    return dotted(this.value)
  }
}

interface Extent {
  readonly start: number
  readonly value: number
  readonly valueEnd: number
  readonly end: number
}

/** Bytes that are exactly one element. Throws CmsError `MALFORMED` for all that is not BER, or too much of it. */
export function readElement(bytes: Uint8Array): Element {
  const { element, end } = new Walk(bytes).element(0, bytes.length, 0)
  if (end !== bytes.length) throw notBer()
  return element
}

class Walk {
  readonly #bytes: Uint8Array
  #elements = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  element(start: number, limit: number, depth: number): { readonly element: Element; readonly end: number } {
    if (++this.#elements > MAX_ELEMENTS || depth > MAX_DEPTH) throw notBer()
    const tag = this.#octet(start, limit)
    const { length, value } = this.#length(this.#pastTag(start, limit), limit)
    const isConstructed = (tag & CONSTRUCTED) !== 0
    if (tag === 0 || (length === null && !isConstructed)) throw notBer()
    const valueLimit = length === null ? limit : value + length
    const children: Element[] = []
    let at = value
    while (isConstructed && !(length === null ? this.#isEnd(at, limit) : at === valueLimit)) {
      const child = this.element(at, valueLimit, depth + 1)
      children.push(child.element)
      at = child.end
    }
    const valueEnd = length === null ? at : valueLimit
    const end = length === null ? at + 2 : valueLimit
    return { element: new Element(this.#bytes, { start, value, valueEnd, end }, children), end }
  }

  #pastTag(start: number, limit: number): number {
    let at = start + 1
    // A tag number above 30 is in the octets that follow (X.690 8.1.2.4).
    if ((this.#octet(start, limit) & 0x1f) === 0x1f) while (this.#octet(at++, limit) >= 0x80);
    return at
  }

  /** Where the value begins, and how long it is; null: it has an end of contents. */
  #length(at: number, limit: number): { readonly length: number | null; readonly value: number } {
    const first = this.#octet(at, limit)
    if (first === 0x80) return { length: null, value: at + 1 }
    const octets = first < 0x80 ? 0 : first & 0x7f
    const value = at + 1 + octets
    let length = octets === 0 ? first : 0
    for (let i = at + 1; i < value; i++) length = length * 256 + this.#octet(i, limit)
    if (value + length > limit) throw notBer()
    return { length, value }
  }

  #isEnd(at: number, limit: number): boolean {
    return this.#octet(at, limit) === 0 && this.#octet(at + 1, limit) === 0
  }

  #octet(at: number, limit: number): number {
    if (at >= limit) throw notBer()
    return this.#bytes[at] as number
  }
}

function notBer(): CmsError {
  return new CmsError('MALFORMED', 'an element that is not BER')
}

function dotted(octets: Uint8Array): string {
  if (octets.length > MAX_OID_BYTES || !((octets.at(-1) ?? 0x80) < 0x80)) throw badOid()
  let text = ''
  let arc: number | bigint = 0
  for (const octet of octets) {
    if (arc === 0 && octet === 0x80) throw badOid()
    const digit = octet & 0x7f
    // Arcs of any size are allowed, such as a UUID's.
    arc = typeof arc === 'number' && arc < 2 ** 45 ? arc * 128 + digit : BigInt(arc) * 128n + BigInt(digit)
    if (octet >= 0x80) continue
    text += text === '' ? firstTwo(arc) : `.${arc}`
    arc = 0
  }
  return text
}

/** X.690 8.19.4. */
function firstTwo(arc: number | bigint): string {
  if (typeof arc === 'bigint') return `2.${arc - 80n}`
  const top = Math.min(Math.floor(arc / 40), 2)
  return `${top}.${arc - 40 * top}`
}

function badOid(): CmsError {
  return new CmsError('MALFORMED', 'a broken OBJECT IDENTIFIER')
}
