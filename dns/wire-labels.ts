/** What the reader of answers and that of questions have in common about names in messages (RFC 1035 4.1.4). */

/** Where a name ends, null when it does not. A pointer ends it, wherever it leads: nobody looks there. */
export function nameEnd(bytes: Uint8Array, start: number): number | null {
  for (let at = start; ; ) {
    const length = bytes[at]
    if (length === undefined) return null
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length > 63) return null
    at += 1 + length
  }
}

/** A label's bytes as text: one that is no part of a host name becomes \DDD, a dot too, which must not pass for one between two labels. */
export function labelText(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += TEXT[bytes[at] as number]
  return text
}

const TEXT = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return /[\x21-\x2d\x2f-\x5b\x5d-\x7e]/.test(character) ? character : `\\${String(byte).padStart(3, '0')}`
})
