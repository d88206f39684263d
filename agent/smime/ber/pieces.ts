import { TAG } from './der.ts'

/**
 * The values of the primitive pieces of a string that begin at `start` and lie whole before `end`, joined; null when there
 * is none. One at a time, a megabyte in pieces of one byte (ALG-3) would take seconds.
 */
export function joinPieces(
  bytes: Uint8Array,
  start: number,
  end: number,
): { readonly joined: Uint8Array; readonly octets: number } | null {
  let length = 0
  let at = start
  for (let piece = pieceAt(bytes, at, end); piece !== null; piece = pieceAt(bytes, at, end)) {
    length += piece.end - piece.start
    at = piece.end
  }
  if (at === start) return null
  const joined = Buffer.allocUnsafe(length)
  let to = 0
  for (let from = start; from < at; ) {
    const piece = pieceAt(bytes, from, end) as { start: number; end: number }
    for (let i = piece.start; i < piece.end; i++) joined[to++] = bytes[i] as number
    from = piece.end
  }
  return { joined, octets: at - start }
}

/** Where the value of a primitive OCTET STRING begins and ends that lies whole before `end`; null when none does. */
function pieceAt(bytes: Uint8Array, at: number, end: number): { start: number; end: number } | null {
  const first = bytes[at + 1]
  if (at + 2 > end || bytes[at] !== TAG.OCTET_STRING || first === undefined) return null
  const octets = first < 0x80 ? 0 : first - 0x80
  if (first === 0x80 || octets > 2 || at + 2 + octets > end) return null
  const start = at + 2 + octets
  let length = octets === 0 ? first : 0
  for (let i = at + 2; i < start; i++) length = length * 256 + (bytes[i] as number)
  return start + length > end ? null : { start, end: start + length }
}
