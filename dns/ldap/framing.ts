import { MAX_HEADER, readHeader } from './ber.ts'

const SEQUENCE = 0x30
/** Pieces that are put together although the message is not complete: one of a single byte takes a hundred. */
const MANY_PIECES = 256

/**
 * Cuts a stream into LDAP messages (RFC 4511 5.1). `add` gives those that are complete, or what the server does that is none, as a clause;
 * a message larger than `maxBytes` is refused by its header, before it is there.
 */
export function createFraming(maxBytes: number): { add(chunk: Buffer): readonly Buffer[] | string } {
  let waiting: Buffer[] = []
  let size = 0
  let needed = 1
  let apart = 0
  return {
    add(chunk) {
      waiting.push(chunk)
      size += chunk.length
      // A large message is put together once, not anew with each piece.
      if (size < needed) {
        if (++apart === MANY_PIECES) waiting.push(Buffer.concat(waiting.splice(-apart)))
        apart %= MANY_PIECES
        return []
      }
      apart = 0
      let rest = waiting.length === 1 ? chunk : Buffer.concat(waiting)
      const messages: Buffer[] = []
      for (;;) {
        const header = readHeader(rest.subarray(0, MAX_HEADER))
        if (header === null || (header !== 'incomplete' && header.tag !== SEQUENCE))
          return 'sends what is no LDAP'
        needed = header === 'incomplete' ? rest.length + 1 : header.bytes + header.length
        if (needed > maxBytes) return `announces a message of ${needed} bytes, and ${maxBytes} are the most`
        if (rest.length < needed) break
        messages.push(rest.subarray(0, needed))
        rest = rest.subarray(needed)
      }
      waiting = rest.length === 0 ? [] : [rest]
      size = rest.length
      return messages
    },
  }
}
