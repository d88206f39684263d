import { labelText, nameEnd } from '../wire-labels.ts'

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

/**
 * Reads a name with its compression pointers (RFC 1035 4.1.4), each of which leads further back than all before it, so
 * that no name is a circle. Bytes as `labelText` writes them. Throws `Malformed`.
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
    text += labelText(bytes, at + 1, next)
    at = next
  }
}

/** Where a name ends. Throws `Malformed`. */
export function skipName(bytes: Buffer, start: number): number {
  const end = nameEnd(bytes, start)
  if (end === null) throw new Malformed('a name without an end, or with a label of an unknown kind')
  return end
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at]
  if (byte === undefined) throw new Malformed('a name that ends outside the message')
  return byte
}
