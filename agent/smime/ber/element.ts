import { asBuffer } from '../../mime/bytes.ts'
import { TAG } from './der.ts'
import { CmsError } from './error.ts'
import { CONSTRUCTED } from './header.ts'

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
  readonly #start: number
  readonly #value: number
  readonly #valueEnd: number
  readonly #end: number

  /** @internal Use `readElement`. */
  constructor(
    all: Uint8Array,
    start: number,
    value: number,
    valueEnd: number,
    end: number,
    children: readonly Element[],
  ) {
    this.tag = all[start] as number
    this.children = children
    this.#all = all
    this.#start = start
    this.#value = value
    this.#valueEnd = valueEnd
    this.#end = end
  }

  /** As it came, identifier and length included. */
  get bytes(): Uint8Array {
    return this.#all.subarray(this.#start, this.#end)
  }

  /** Content octets, those of an indefinite length's end not included. */
  get value(): Uint8Array {
    return this.#all.subarray(this.#value, this.#valueEnd)
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

/** Bytes that are exactly one element. Throws CmsError `MALFORMED` for all that is not BER, or too much of it. */
export function readElement(bytes: Uint8Array): Element {
  const walk = new Walk(bytes)
  const element = walk.element(bytes.length, 0)
  if (walk.at !== bytes.length) throw notBer()
  return element
}

const NONE: readonly Element[] = []

class Walk {
  readonly #bytes: Uint8Array
  /** Those that have been read and wait for what holds them: arrays of their own would have room for 17 each. */
  readonly #read: Element[] = []
  #at = 0
  #elements = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get at(): number {
    return this.#at
  }

  /** The next element, which ends at `limit` at the latest. */
  element(limit: number, depth: number): Element {
    if (++this.#elements > MAX_ELEMENTS || depth > MAX_DEPTH) throw notBer()
    const start = this.#at
    const tag = this.#tag(limit)
    const length = this.#length(limit)
    const value = this.#at
    const isConstructed = (tag & CONSTRUCTED) !== 0
    if (tag === 0 || (length === null && !isConstructed)) throw notBer()
    const children = isConstructed
      ? this.#children(length === null ? null : value + length, limit, depth)
      : NONE
    const valueEnd = length === null ? this.#at : value + length
    this.#at = length === null ? valueEnd + 2 : valueEnd
    return new Element(this.#bytes, start, value, valueEnd, this.#at, children)
  }

  /** `end`: null where an end of contents tells it. */
  #children(end: number | null, limit: number, depth: number): readonly Element[] {
    const first = this.#read.length
    while (end === null ? !this.#isEnd(limit) : this.#at < end)
      this.#read.push(this.element(end ?? limit, depth + 1))
    return this.#read.splice(first)
  }

  /** Identifier octet. */
  #tag(limit: number): number {
    const tag = this.#octet(this.#at++, limit)
    // A tag number above 30 is in the octets that follow (X.690 8.1.2.4).
    if ((tag & 0x1f) === 0x1f) while (this.#octet(this.#at++, limit) >= 0x80);
    return tag
  }

  /** Of the value; null: an end of contents ends it. */
  #length(limit: number): number | null {
    const first = this.#octet(this.#at++, limit)
    if (first === 0x80) return null
    let length = first
    if (first > 0x80) {
      length = 0
      for (let left = first & 0x7f; left > 0; left--) length = length * 256 + this.#octet(this.#at++, limit)
    }
    if (this.#at + length > limit) throw notBer()
    return length
  }

  #isEnd(limit: number): boolean {
    return this.#octet(this.#at, limit) === 0 && this.#octet(this.#at + 1, limit) === 0
  }

  #octet(at: number, limit: number): number {
    if (at >= limit) throw notBer()
    return this.#bytes[at] as number
  }
}

function notBer(): CmsError {
  return new CmsError('MALFORMED', 'an element that is not BER')
}

/** By their octets: the same few stand in every message. */
const remembered = new Map<string, string>()
const MOST_REMEMBERED = 200

function dotted(octets: Uint8Array): string {
  if (octets.length > MAX_OID_BYTES) throw badOid()
  const key = asBuffer(octets).toString('latin1')
  const known = remembered.get(key)
  if (known !== undefined) return known
  const text = decodeOid(octets)
  if (remembered.size === MOST_REMEMBERED) remembered.clear()
  remembered.set(key, text)
  return text
}

function decodeOid(octets: Uint8Array): string {
  if (!((octets.at(-1) ?? 0x80) < 0x80)) throw badOid()
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
