/** A DNS message that does not add up; never leaves the resolver. Its message is a noun phrase: what it has. */
export class Malformed extends Error {}

/** RFC 1035 2.3.4, in bytes: the length bytes and the root count. */
const MAX_NAME = 255
/** In one name. An honest one has a pointer or two; a chain of them costs whoever follows it. */
const MAX_POINTERS = 16
const FIRST_AFTER_HEADER = 12

/** A name as text, `.` for the root, and where what follows it begins. */
export interface WireName {
  readonly text: string
  readonly end: number
}

/** Each byte of a label as text. */
const TEXT = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return /[\x21-\x2d\x2f-\x5b\x5d-\x7e]/.test(character) ? character : `\\${String(byte).padStart(3, '0')}`
})

/**
 * Reads a name with its compression pointers (RFC 1035 4.1.4), each of which leads further back than all before it, so
 * that no name is a circle. A byte that is no part of a host name, a dot within a label too, becomes \DDD. Throws
 * `Malformed`.
 */
export function readName(bytes: Buffer, start: number): WireName {
  let text = ''
  let at = start
  let earliest = start
  let end: number | null = null
  let length = 1
  let pointers = 0
  for (;;) {
    const first = byteAt(bytes, at)
    if (first === 0) return { text: text || '.', end: end ?? at + 1 }
    if (first >= 0xc0) {
      const target = ((first & 0x3f) << 8) | byteAt(bytes, at + 1)
      end ??= at + 2
      if (target < FIRST_AFTER_HEADER || target >= earliest)
        throw new Malformed('a name that points to what is not before it')
      if (++pointers > MAX_POINTERS) throw new Malformed(`a name of more than ${MAX_POINTERS} pointers`)
      earliest = target
      at = target
      continue
    }
    if (first > 63) throw new Malformed('a label of an unknown kind')
    length += 1 + first
    if (length > MAX_NAME) throw new Malformed(`a name of more than ${MAX_NAME} bytes`)
    const next = at + 1 + first
    if (next > bytes.length) throw new Malformed('a name that ends outside the message')
    if (text !== '') text += '.'
    for (at += 1; at < next; at++) text += TEXT[bytes[at] as number]
  }
}

/** Where a name ends; where its pointer leads is not looked at. Throws `Malformed`. */
export function skipName(bytes: Buffer, start: number): number {
  for (let at = start; ; ) {
    const first = byteAt(bytes, at)
    if (first === 0) return at + 1
    if (first >= 0xc0) return at + 2
    if (first > 63) throw new Malformed('a label of an unknown kind')
    at += 1 + first
  }
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new Malformed('a name that ends outside the message')
  return byte
}
